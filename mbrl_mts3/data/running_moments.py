"""Mean, spread and range of rows that come in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class RunningMoments:
    """Statistics per column, in float64, of all rows so far; memory does not grow with them.

    Pieces are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979, which keeps its precision where the mean is large beside the spread.

    Rows that hold NaN or infinity are counted and left out.
    """

    def __init__(self) -> None:
        self.count = 0
        self.non_finite = 0
        """Rows left out."""
        self.mean: Array = np.zeros(())
        self.low: Array = np.full((), np.inf)
        self.high: Array = np.full((), -np.inf)
        self._squares: Array = np.zeros(())

    def add(self, rows: Array) -> None:
        """Take rows (N, ...) in."""
        rows = np.asarray(rows, np.float64)
        finite = np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
        if not finite.all():
            self.non_finite += int((~finite).sum())
            rows = rows[finite]
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0)
        squares = np.square(rows - mean).sum(axis=0)
        total = self.count + len(rows)
        difference = mean - self.mean
        self._squares = np.asarray(self._squares + squares + np.square(difference) * (self.count * len(rows) / total))
        self.mean = np.asarray(self.mean + difference * (len(rows) / total))
        self.low = np.asarray(np.minimum(self.low, rows.min(axis=0)))
        self.high = np.asarray(np.maximum(self.high, rows.max(axis=0)))
        self.count = total

    @property
    def deviation(self) -> Array:
        """Standard deviation of the population."""
        return np.asarray(np.sqrt(self._squares / max(self.count, 1)))
