"""Observations of Dict spaces as rows of one array, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]


def flat_observations(space: spaces.Space[Any], observations: Any) -> Array:
    """(rows, entries) out of an array or a (nested) dict of such, in the order of the space.

    Raises:
        DataError: a part is no Box of one dimension.
    """
    if isinstance(space, spaces.Dict):
        parts = [flat_observations(part, observations[key]) for key, part in space.spaces.items()]
        return np.concatenate(parts, axis=1)
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return np.asarray(observations)
    raise DataError(f"observations of {space} do not fit into rows: only Box of one dimension and Dict of such do")


def nested_observations(space: spaces.Space[Any], rows: Array) -> Any:
    """The inverse of `flat_observations`, in the types of the space where it is a Dict."""
    if not isinstance(space, spaces.Dict):
        return rows
    found, first = {}, 0
    for key, part in space.spaces.items():
        width = entries(part)
        inside = nested_observations(part, rows[:, first : first + width])
        found[key] = inside.astype(part.dtype) if isinstance(part, spaces.Box) else inside
        first += width
    return found


def entries(space: spaces.Space[Any]) -> int:
    """Entries of a row."""
    if isinstance(space, spaces.Dict):
        return sum(entries(part) for part in space.spaces.values())
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return space.shape[0]
    raise DataError(f"observations of {space} do not fit into rows: only Box of one dimension and Dict of such do")
