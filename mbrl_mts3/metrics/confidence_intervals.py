"""Confidence intervals of means and rates over few episodes or seeds.

Agarwal et al. (2021, arXiv 2108.13264) recommend the bootstrap and the interquartile mean for few runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

Interval = tuple[float, float]
Statistic = Callable[..., Any]


def interquartile_mean(values: Sequence[float] | np.ndarray, axis: int = 0) -> Any:
    """Mean of the middle half of the values: a quarter of them is cut off at each end."""
    return stats.trim_mean(values, 0.25, axis=axis)


def bootstrap_interval(
    values: Sequence[float] | np.ndarray,
    statistic: Statistic = np.mean,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic; NaN for fewer than two values.

    Args:
        values: independent values, of episodes of one agent or of runs with several seeds.
        statistic: called with values and `axis`.
        level: confidence.
        resamples: number of resamples with replacement.
        seed: equal seeds give equal intervals.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return math.nan, math.nan
    found = stats.bootstrap(
        (array,),
        statistic,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        axis=0,
        vectorized=True,
        rng=seed,
    ).confidence_interval
    return float(found.low), float(found.high)


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Confidence interval of a success probability (Wilson, 1927).

    It stays within [0, 1] and has a width above 0 when all or none succeed. NaN for no trials.
    """
    if trials == 0:
        return math.nan, math.nan
    z = float(stats.norm.ppf((1 + level) / 2))
    rate = successes / trials
    centre = rate + z**2 / (2 * trials)
    spread = z * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    # Both ends are exact in theory; rounding would leave a small error.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high


def mean_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Student's confidence interval of a mean; NaN for fewer than two values."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return math.nan, math.nan
    spread = float(stats.t.ppf((1 + level) / 2, len(array) - 1)) * array.std(ddof=1) / math.sqrt(len(array))
    return float(array.mean() - spread), float(array.mean() + spread)
