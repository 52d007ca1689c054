"""Whether a simulator can draw on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium

from mbrl_mts3.errors import ConfigurationError, MTS3Error

# Gymnasium 1.4 looks from where the cheetah starts, and soon at nothing.
_CAMERAS = {"HalfCheetah": "track"}


def make_drawn(make: Callable[..., gymnasium.Env[Any, Any]], environment_id: str) -> gymnasium.Env[Any, Any]:
    """A real environment with render_mode="rgb_array", after one picture as a trial.

    Args:
        make: makes the environment, given `drawing_options`.
        environment_id: that of the environment.

    Raises:
        ConfigurationError: MuJoCo has no way to draw on this machine.
    """
    environment = None
    try:
        environment = make(**drawing_options(environment_id))
        environment.reset(seed=0)
        environment.render()
    except MTS3Error:
        raise
    except Exception as error:  # Every backend of MuJoCo fails with errors of its own.
        if environment is not None:
            environment.close()
        raise cannot_draw(environment_id, error) from error
    return environment


def drawing_options(environment_id: str) -> dict[str, Any]:
    """Options of an environment under which `render` gives pictures of what happens."""
    name = environment_id.split("/")[-1].split(":")[-1].split("-")[0]
    return {"render_mode": "rgb_array", **({"camera_name": _CAMERAS[name]} if name in _CAMERAS else {})}


def cannot_draw(environment_id: str, error: Exception) -> ConfigurationError:
    """What to say where drawing failed."""
    return ConfigurationError(
        f"{environment_id} cannot be drawn on this machine ({type(error).__name__}: {error}): set MUJOCO_GL=osmesa "
        "with Mesa's software renderer (Debian: libosmesa6), or MUJOCO_GL=egl with a GPU driver, before Python "
        "starts; or leave render_mode away"
    )
