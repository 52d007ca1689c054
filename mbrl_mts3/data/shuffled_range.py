"""A random order of many numbers that need not be kept in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_ROUNDS = 6
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class ShuffledRange:
    """A pseudo-random permutation of 0..count - 1 whose entries are computed where they are asked for.

    A Feistel network permutes the next larger power of four; numbers beyond the range are sent through again until they
    fall into it ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). The rounds mix
    with the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).

    Args:
        count: at least 1.
        generator: of the keys of the rounds.
    """

    def __init__(self, count: int, generator: np.random.Generator) -> None:
        self._count = np.uint64(count)
        self._half = np.uint64(max(1, -(-(count - 1).bit_length() // 2)))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._keys = generator.integers(2**63, size=_ROUNDS).astype(np.uint64)

    def __call__(self, places: Array) -> Array:
        """Entries (n,) at `places` (n,) of 0..count - 1."""
        found = self._permute(places.astype(np.uint64))
        outside = np.flatnonzero(found >= self._count)
        while len(outside):
            found[outside] = self._permute(found[outside])
            outside = outside[found[outside] >= self._count]
        return found.astype(np.int64)

    def _permute(self, values: Array) -> Array:
        left, right = values >> self._half, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right + key) & self._mask)
        result: Array = (left << self._half) | right
        return result


def _mixed(values: Array) -> Array:
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    result: Array = values ^ (values >> np.uint64(31))
    return result
