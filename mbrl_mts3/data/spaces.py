"""Observation and action spaces as JSON, and checks that two sets of spaces match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.errors import DataError, SpaceMismatchError


def space_to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """Convert a Box, or a Dict of such, to plain values; infinite bounds become None.

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


Space = spaces.Space[Any]


def check_spaces_match(trained: tuple[Space, Space], found: tuple[Space, Space], name: str, kind: str) -> None:
    """Raise SpaceMismatchError unless two pairs of raw observation and action space match.

    Bounds of observations may differ: data sets often do not know them. Bounds of actions may not.

    Args:
        trained: what the model was trained on.
        found: what `name` has.
        name: of the environment or data set, for the message.
        kind: "environment" or "data set".
    """
    advice = f"choose the {kind} that the model was trained for, or another checkpoint"
    expected, got = _layout(trained[0]), _layout(found[0])
    if expected != got:
        raise SpaceMismatchError(f"the model was trained on observations {expected}, {name} has {got}: {advice}")
    if not _same_actions(trained[1], found[1]):
        raise SpaceMismatchError(f"the model was trained with actions {trained[1]}, {name} has {found[1]}: {advice}")


def same_spaces(first: tuple[Space, Space], second: tuple[Space, Space]) -> bool:
    """Whether two pairs of raw observation and action space match, as `check_spaces_match` takes them."""
    return _layout(first[0]) == _layout(second[0]) and _same_actions(first[1], second[1])


def _layout(space: Space) -> dict[str, tuple[int, ...] | None]:
    """Shapes of all parts, by their keys."""
    if isinstance(space, spaces.Dict):
        parts = {key: _layout(part) for key, part in space.spaces.items()}
        return {f"{key}/{name}".strip("/"): shape for key, part in parts.items() for name, shape in part.items()}
    return {"": space.shape}


def _same_actions(trained: Space, found: Space) -> bool:
    if not isinstance(trained, spaces.Box) or not isinstance(found, spaces.Box) or trained.shape != found.shape:
        return False
    return bool(np.allclose(trained.low, found.low) and np.allclose(trained.high, found.high))
