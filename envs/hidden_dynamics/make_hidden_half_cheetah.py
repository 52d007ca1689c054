"""HalfCheetah with another body in each episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium

from mbrl_mts3.envs.hidden_dynamics.hidden_dynamics import HiddenDynamics


def make_hidden_half_cheetah(
    strength: Sequence[float] = (0.6, 1.2),
    mass: Sequence[float] = (0.8, 1.5),
    change_every: int | None = None,
    **options: Any,
) -> HiddenDynamics:
    """`HalfCheetah-v5` in `HiddenDynamics`, known to Gymnasium as "mbrl_mts3/HalfCheetahHidden-v0".

    Args:
        strength, mass, change_every: see `HiddenDynamics`.
        options: of `HalfCheetah-v5`.

    Raises:
        ConfigurationError: see `HiddenDynamics`.
    """
    cheetah = gymnasium.make("HalfCheetah-v5", max_episode_steps=-1, disable_env_checker=True, **options)
    return HiddenDynamics(cheetah, change_every=change_every, ranges={"strength": strength, "mass": mass})
