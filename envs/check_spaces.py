"""Whether a model fits an environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.errors import SpaceMismatchError


def check_spaces(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any], environment: gymnasium.Env[Any, Any]
) -> None:
    """Raise SpaceMismatchError unless an environment has the raw spaces that a model was trained on.

    Bounds of observations may differ: data sets often do not know them. Bounds of actions may not.
    """
    name = environment.spec.id if environment.spec is not None else str(environment)
    trained, found = _layout(observation_space), _layout(environment.observation_space)
    if trained != found:
        raise SpaceMismatchError(
            f"the model was trained on observations {trained}, {name} gives {found}: "
            "choose the environment of its data, or another checkpoint"
        )
    if not _same_actions(action_space, environment.action_space):
        raise SpaceMismatchError(
            f"the model was trained with actions {action_space}, {name} takes {environment.action_space}: "
            "choose the environment of its data, or another checkpoint"
        )


def _layout(space: spaces.Space[Any]) -> dict[str, tuple[int, ...] | None]:
    """Shapes of all parts, by their keys."""
    if isinstance(space, spaces.Dict):
        parts = {key: _layout(part) for key, part in space.spaces.items()}
        return {f"{key}/{name}".strip("/"): shape for key, part in parts.items() for name, shape in part.items()}
    return {"": space.shape}


def _same_actions(trained: spaces.Space[Any], found: spaces.Space[Any]) -> bool:
    if not isinstance(trained, spaces.Box) or not isinstance(found, spaces.Box) or trained.shape != found.shape:
        return False
    return bool(np.allclose(trained.low, found.low) and np.allclose(trained.high, found.high))
