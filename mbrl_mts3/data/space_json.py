"""Observation and action spaces as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.errors import DataError


def space_to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """A Box, or a Dict of such, as plain values; infinite bounds become None.

    Raises:
        DataError: another kind of space.
    """
    if isinstance(space, spaces.Dict):
        return {"type": "Dict", "spaces": {key: space_to_json(part) for key, part in space.spaces.items()}}
    if isinstance(space, spaces.Box):
        return {
            "type": "Box",
            "shape": list(space.shape),
            "dtype": str(space.dtype),
            "low": _bounds(space.low),
            "high": _bounds(space.high),
        }
    raise DataError(f"spaces of the kind {type(space).__name__} are not supported: use Box, or Dict of Box")


def space_from_json(data: Mapping[str, Any]) -> spaces.Space[Any]:
    """The inverse of `space_to_json`."""
    if data["type"] == "Dict":
        return spaces.Dict({key: space_from_json(part) for key, part in data["spaces"].items()})
    shape, dtype = tuple(data["shape"]), np.dtype(data["dtype"])
    low = np.array([-np.inf if value is None else value for value in data["low"]], dtype).reshape(shape)
    high = np.array([np.inf if value is None else value for value in data["high"]], dtype).reshape(shape)
    return spaces.Box(low, high, shape, dtype.type)


def _bounds(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values.reshape(-1)]
