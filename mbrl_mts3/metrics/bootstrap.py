"""Averages that outliers do not move, and intervals that assume no distribution.

Both as Agarwal et al. recommend for few runs (2021, arXiv 2108.13264).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from mbrl_mts3.metrics.intervals import Interval

Statistic = Callable[..., Any]


def interquartile_mean(values: Sequence[float] | np.ndarray, axis: int = 0) -> Any:
    """Mean of what is left when a quarter of the values is cut off at each end."""
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
        values: independent ones: of episodes of one agent, or of runs with several seeds.
        statistic: called with values and `axis`.
        level: confidence.
        resamples: how often the values are drawn anew, with replacement.
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
