"""Goals that are shown after they were reached."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding
from mbrl_mts3.data.traps.maze_view import MazeView


def stale_goal(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """Where a maze draws a new goal, the observation of that step still shows the old one, as already reached."""
    view = MazeView.of(episode, survey)
    if view is None:
        return
    switches = 1 + np.flatnonzero((view.goals[1:] != view.goals[:-1]).any(axis=1))
    distances = np.linalg.norm(view.positions[switches - 1] - view.goals[switches - 1], axis=1)
    stale = switches[distances <= view.radius] - 1
    if len(stale):
        yield Finding(
            "warning",
            "stale-goal",
            f"desired_goal shows a goal that is already reached at {len(stale)} of {len(switches)} switches: the new "
            "one comes a step late",
            "Condition policies and recomputed rewards on the goal of the step after",
            episode.episode_id,
            int(stale[0]),
        )
