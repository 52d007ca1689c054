"""A sample of a stream of rows whose end is not known."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class ThinnedRows:
    """Every k-th row of a stream; k doubles when more than `capacity` rows are kept.

    Args:
        capacity: rows kept at most, at least 2.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity = capacity
        self._every = 1
        self._seen = 0
        self._kept: list[Array] = []
        self._count = 0

    def add(self, rows: Array) -> None:
        """Take the next rows (N, ...) of the stream in."""
        first = -self._seen % self._every
        self._seen += len(rows)
        chosen = np.array(rows[first :: self._every])
        if len(chosen):
            self._kept.append(chosen)
            self._count += len(chosen)
        while self._count > self._capacity:
            self._every *= 2
            self._kept = [np.concatenate(self._kept)[::2]]
            self._count = len(self._kept[0])

    @property
    def rows(self) -> Array:
        """(n, ...), in the order of the stream; (0,) where nothing came."""
        return np.concatenate(self._kept) if self._kept else np.zeros(0)
