"""The bounds that noise is drawn in."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents.behaviour.base import ActionArray
from mbrl_mts3.errors import ConfigurationError


def action_box(environment: gymnasium.Env[Any, Any]) -> tuple[ActionArray, ActionArray]:
    """Lowest and highest action, (act,) each.

    Raises:
        ConfigurationError: actions are not a bounded Box of one dimension.
    """
    space = environment.action_space
    if not isinstance(space, spaces.Box) or len(space.shape) != 1 or not space.is_bounded():
        raise ConfigurationError(f"this behaviour needs a bounded Box of one dimension for actions, not {space}")
    return space.low.astype(np.float32), space.high.astype(np.float32)
