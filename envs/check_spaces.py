"""Whether a model fits an environment."""

from __future__ import annotations

from typing import Any

import gymnasium
from gymnasium import spaces

from mbrl_mts3.data.check_same_spaces import check_same_spaces


def check_spaces(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any], environment: gymnasium.Env[Any, Any]
) -> None:
    """Raise SpaceMismatchError unless an environment has the raw spaces that a model was trained on.

    Bounds of observations may differ: data sets often do not know them. Bounds of actions may not.
    """
    name = environment.spec.id if environment.spec is not None else str(environment)
    found = environment.observation_space, environment.action_space
    check_same_spaces((observation_space, action_space), found, name, "environment")
