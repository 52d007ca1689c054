"""How far an average of few episodes, or of few seeds, can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

Interval = tuple[float, float]


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Confidence interval of a success probability (Wilson, 1927).

    Stays within [0, 1] and has a width above 0 when all or none succeed. NaN for no trials.
    """
    if trials == 0:
        return math.nan, math.nan
    z = float(stats.norm.ppf((1 + level) / 2))
    rate = successes / trials
    centre = rate + z**2 / (2 * trials)
    spread = z * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    # Both ends are exact in theory; rounding would leave a trace.
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
