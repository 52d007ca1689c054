"""Rewards that cannot teach anything, or are on a scale that the environment does not have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding


def reward_scale(survey: Survey) -> Iterator[Finding]:
    """Constant rewards of any environment; in mazes, other values than 0 and 1 (sparse) or 0 to 1 (dense)."""
    moments = survey.rewards
    if moments.count == 0:
        return
    low, high = float(moments.low), float(moments.high)
    if moments.count > 1 and low == high:
        yield Finding(
            "warning",
            "constant-rewards",
            f"every reward is {low:.4g}",
            "No reward can be learned from them; tasks with a formula of their own are not concerned",
        )
    env_id = survey.dataset.env_id or ""
    if "PointMaze" not in env_id and "maze2d" not in env_id.lower():
        return
    values = survey.reward_values
    dense = bool((values > 0).all() and (values <= 1).all())
    if not np.isin(values, (0.0, 1.0)).all() and not dense:
        yield Finding(
            "error",
            "reward-scale",
            f"rewards lie between {low:.4g} and {high:.4g}; a maze pays 0 or 1, or exp(-distance)",
            "Undo what was done to them, or recompute them from the positions",
        )
