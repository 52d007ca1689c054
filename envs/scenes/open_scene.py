"""Opening a simulator to draw with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium

from mbrl_mts3.envs.make import make_environment
from mbrl_mts3.envs.scenes.make_drawn import cannot_draw, drawing_options
from mbrl_mts3.envs.scenes.scene import Scene
from mbrl_mts3.errors import ConfigurationError, MTS3Error

SceneOf = Callable[[gymnasium.Env[Any, Any]], Scene | None]


def open_scene(scene_of: SceneOf, environment_id: str, **options: Any) -> Scene:
    """The scene of an environment, after one picture as a trial.

    Args:
        scene_of: makes the scene of an environment, see `Task.scene`.
        environment_id: as in `make_environment`, which gets the options too.

    Raises:
        ConfigurationError: the task cannot be drawn, or MuJoCo has no way to draw on this machine.
    """
    try:
        environment = make_environment(
            environment_id, **{**drawing_options(environment_id), **options, "render_mode": "rgb_array"}
        )
        scene = scene_of(environment)
        if scene is not None:
            scene.draw()
            return scene
    except MTS3Error:
        raise
    except Exception as error:  # Every backend of MuJoCo fails with errors of its own.
        raise cannot_draw(environment_id, error) from error
    environment.close()
    raise ConfigurationError(
        f"nobody has said how to draw imagined observations of {environment_id}: give the task a `scene`, or leave "
        "render_mode away"
    )
