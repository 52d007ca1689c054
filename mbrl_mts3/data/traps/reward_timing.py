"""Rewards that belong to another step than the one that they are stored at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding
from mbrl_mts3.data.traps.maze_view import MazeView

# Stored rewards equal the formula up to the rounding of float32.
_SAME = 1e-4


def timing_votes(view: MazeView) -> tuple[int, int]:
    """Steps at which only r(o_t), and steps at which only r(o_{t+1}), is the stored reward r_t.

    Steps at which the goal changes are left out: there the goal's own timing would decide.
    """
    before = view.reward(view.positions[:-1], view.goals[:-1])
    after = view.reward(view.positions[1:], view.goals[1:])
    settled = (view.goals[:-1] == view.goals[1:]).all(axis=1)
    fits_before, fits_after = (np.abs(view.rewards - value) < _SAME for value in (before, after))
    differ = settled & (np.abs(before - after) > 2 * _SAME)
    return int((differ & fits_before & ~fits_after).sum()), int((differ & fits_after & ~fits_before).sum())


def reward_timing(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """In mazes r_t is paid for o_{t+1}; D4RL's maze2d files store it one step later, for o_t."""
    view = MazeView.of(episode, survey)
    if view is None:
        return
    early, right = timing_votes(view)
    if early > right:
        before = view.reward(view.positions[:-1], view.goals[:-1])
        after = view.reward(view.positions[1:], view.goals[1:])
        yield Finding(
            "error",
            "reward-timing",
            f"rewards r[t] are those of o[t], not of o[t+1]: {early} steps say so, {right} the opposite",
            "Shift the rewards by one step to the front, or recompute them from the positions",
            episode.episode_id,
            int(np.argmax(np.abs(before - after) > 2 * _SAME)),
        )
