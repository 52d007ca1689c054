"""Rewards that were paid within another radius than the environment's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding
from mbrl_mts3.data.traps.maze_view import MazeView
from mbrl_mts3.data.traps.reward_timing import timing_votes

_TOLERANCE = 1e-3


def success_radius(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """PointMaze pays within 0.45 m of the goal, D4RL's maze2d within 0.5 m."""
    view = MazeView.of(episode, survey)
    if view is None or not view.sparse:
        return
    early, right = timing_votes(view)
    positions, goals = (view.positions[:-1], view.goals[:-1]) if early > right else (view.positions[1:], view.goals[1:])
    settled = (view.goals[:-1] == view.goals[1:]).all(axis=1)
    distances, paid = np.linalg.norm(positions - goals, axis=1), view.rewards > 0.5
    too_far = settled & paid & (distances > view.radius + _TOLERANCE)
    unpaid = settled & ~paid & (distances < view.radius - _TOLERANCE)
    for wrong, message in (
        (too_far, f"goals count as reached beyond {view.radius} m, up to {distances[too_far].max(initial=0):.3f} m"),
        (unpaid, f"goals do not count as reached within {view.radius} m, at {distances[unpaid].min(initial=9):.3f} m"),
    ):
        if wrong.any():
            yield Finding(
                "error",
                "success-radius",
                f"{message}, in {int(wrong.sum())} steps",
                "Recompute the rewards from the positions, or evaluate with the radius of the data",
                episode.episode_id,
                int(np.argmax(wrong)),
            )
