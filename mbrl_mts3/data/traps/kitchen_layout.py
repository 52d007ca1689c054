"""FrankaKitchen has two layouts of observations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

GYMNASIUM_SIZE = 59
"""9 robot positions, 9 robot velocities, 21 object positions, 20 object velocities."""
D4RL_SIZE = 60
"""9 robot positions, 21 object positions, 30 entries of the goal."""


def kitchen_layout(survey: Survey) -> Iterator[Finding]:
    """The object at D4RL's index k stands at k + 9 in Gymnasium-Robotics, which has velocities in place of the goal."""
    if "kitchen" not in (survey.dataset.env_id or "").lower() or MAIN_KEY not in survey.observations:
        return
    size = int(np.size(survey.observations[MAIN_KEY].mean))
    if size == D4RL_SIZE:
        yield Finding(
            "warning",
            "kitchen-layout",
            "observations have D4RL's layout (60 = 9 robot, 21 object positions, 30 of the goal), without velocities",
            "Convert with mts3-convert for models that are to act in FrankaKitchen-v1; leave the goal out of what a "
            "model sees",
        )
    elif size != GYMNASIUM_SIZE:
        yield Finding(
            "error",
            "kitchen-layout",
            f"observations have {size} entries, FrankaKitchen has {GYMNASIUM_SIZE} (Gymnasium-Robotics) or {D4RL_SIZE} "
            "(D4RL)",
            "Find out what the entries are before they are used",
        )
