"""Intervals of means without a law of the values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from mbrl_mts3.metrics.intervals import Interval


def bootstrap_interval(
    values: Sequence[float] | np.ndarray, level: float = 0.95, *, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval of a mean (Efron, 1987); NaN for fewer than two values.

    Args:
        values: (N,), drawn independently.
        level: share of such intervals that hold the mean.
        resamples: more of them make the ends more repeatable.
        seed: of the resamples.
    """
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return math.nan, math.nan
    if np.ptp(array) == 0:
        return float(array[0]), float(array[0])
    found = stats.bootstrap(
        (array,), np.mean, confidence_level=level, n_resamples=resamples, rng=np.random.default_rng(seed)
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
