"""A number over several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbrl_mts3.metrics.intervals import mean_interval


@dataclass(frozen=True)
class SeedSummary:
    """Mean over seeds, with Student's interval: few seeds ask for it, a bootstrap of three values says nothing."""

    mean: float
    """NaN where a seed's number is not finite."""
    half_width: float
    """Half of the 95% interval of the mean; NaN for a single seed."""
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> SeedSummary:
        """Summarise one number per seed."""
        array = np.asarray(values, dtype=np.float64)
        if len(array) == 0 or not np.isfinite(array).all():
            return cls(math.nan, math.nan, len(array))
        low, high = mean_interval(array)
        return cls(float(array.mean()), (high - low) / 2, len(array))

    def __str__(self) -> str:
        if not math.isfinite(self.mean):
            return "not finite" if self.seeds else "-"
        # Equal numbers leave a trace of rounding.
        varies = self.half_width > 1e-9 * abs(self.mean)
        return _digits(self.mean, 3) + (f" ±{_digits(self.half_width, 2)}" if varies else "")

    def scaled(self, factor: float) -> SeedSummary:
        """The same in another unit."""
        return SeedSummary(factor * self.mean, factor * self.half_width, self.seeds)


def _digits(value: float, digits: int) -> str:
    """So many significant digits; whole and large numbers in full."""
    if value == round(value) or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:#.{digits}g}"
