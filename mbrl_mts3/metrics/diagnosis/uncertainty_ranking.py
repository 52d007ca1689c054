"""Whether an uncertainty ranks true errors, and what is left of rollouts that stop where it is large."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from mbrl_mts3.array_types import Array, BoolArray, DoubleArray
from mbrl_mts3.errors import ConfigurationError

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
"""Of the uncertainty on the data, where rollouts are stopped."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation of an uncertainty with a true error; None where it is not defined."""

    over_all: float | None
    """Over all steps of all rollouts. It is high already where both grow from step to step."""
    within_steps: float | None
    """At one step over the rollouts, then the mean over the steps: which of several rollouts is wrong."""

    @classmethod
    def from_values(cls, uncertainty: Array, error: Array) -> RankCorrelation:
        """Compare uncertainties (N, H) with errors (N, H); NaN in either leaves a step out."""
        uncertainty, error = np.asarray(uncertainty, np.float64), np.asarray(error, np.float64)
        each = [spearman(guess, true) for guess, true in zip(uncertainty.T, error.T, strict=True)]
        known = [value for value in each if value is not None]
        return cls(spearman(uncertainty, error), float(np.mean(known)) if known else None)

    def to_json(self) -> dict[str, float | None]:
        """Both numbers by name."""
        return asdict(self)


def spearman(first: Array, second: Array) -> float | None:
    """Spearman's rank correlation of two arrays of one shape; pairs with NaN are left out.

    None where fewer than three pairs are left, or one of the two is constant.
    """
    one, other = np.ravel(first), np.ravel(second)
    known = ~(np.isnan(one) | np.isnan(other))
    one, other = one[known], other[known]
    if len(one) < 3 or not (np.ptp(one) and np.ptp(other)):
        return None
    return float(stats.spearmanr(one, other).statistic)


@dataclass(frozen=True)
class Cut:
    """What is left of the rollouts of one source that stop where an uncertainty exceeds a threshold."""

    kept: float
    """Share of the steps."""
    state_error: float | None
    """Mean over the steps that are kept, in standard deviations of the data; None where none is."""
    reward_error: float | None
    """Mean absolute error over the same, in units of reward."""

    def to_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)


def cut_rollouts(uncertainty: Array, threshold: float) -> BoolArray:
    """Steps (N, H) that are kept where a rollout stops before the first step that is less certain.

    Args:
        uncertainty: (N, H), of each step.
        threshold: in the same unit.
    """
    return np.asarray(np.logical_and.accumulate(np.asarray(uncertainty) <= threshold, axis=1))


def measure_cut(kept: BoolArray, state_error: DoubleArray, reward_error: DoubleArray) -> Cut:
    """Share and errors of what is kept.

    Args:
        kept: (N, H), see `cut_rollouts`.
        state_error, reward_error: (N, H), NaN where a step does not count.
    """
    counted = ~np.isnan(state_error)
    left = kept & counted
    share = float(left.sum() / max(1, counted.sum()))
    if not left.any():
        return Cut(share, None, None)
    return Cut(share, float(state_error[left].mean()), float(np.abs(reward_error[left]).mean()))


def check_quantiles(quantiles: tuple[float, ...]) -> None:
    """Raise ConfigurationError unless there are quantiles between 0 and 1, in rising order."""
    rising = all(low < high for low, high in pairwise(quantiles))
    if not quantiles or not rising or quantiles[0] <= 0 or quantiles[-1] >= 1:
        raise ConfigurationError(f"quantiles={list(quantiles)}: expected rising numbers above 0 and below 1")
