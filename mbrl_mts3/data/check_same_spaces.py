"""Whether a model fits the spaces of an environment or a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.errors import SpaceMismatchError

Space = spaces.Space[Any]


def check_same_spaces(trained: tuple[Space, Space], found: tuple[Space, Space], name: str, kind: str) -> None:
    """Raise SpaceMismatchError unless two pairs of raw observation and action space describe the same.

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
