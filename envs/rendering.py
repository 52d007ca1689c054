"""Rendering of imagined observations with the simulators of the real environments."""

from __future__ import annotations

import logging
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from ctypes.util import find_library
from typing import Any

import gymnasium
import numpy as np
from scipy.spatial.transform import Rotation

from mbrl_mts3.array_types import FloatArray, Frame
from mbrl_mts3.data.observation_names import known_names, position_names
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.make import make_environment
from mbrl_mts3.errors import ConfigurationError, MTS3Error


class SceneRenderer(ABC):
    """Base class of renderers: the simulator of a real environment renders imagined observations.

    The renderers of this file also take the selector of the observations that they show, and raise
    UnknownObservationError where it leaves out one that the picture needs.

    Args:
        environment: the one that the class names, made for rendering; closed with the renderer.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        self.environment = environment
        environment.reset(seed=0)

    def begin(self) -> None:  # noqa: B027 - not every renderer has something to do here
        """Start an episode with the next observation, for renderers whose frames depend on earlier steps."""

    @abstractmethod
    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        """Set the simulator to the state of a selected observation (obs,) with its goal (g,)."""

    def render(self) -> Frame:
        """The frame (height, width, 3) of the observation shown last."""
        return np.array(self.environment.render(), dtype=np.uint8)

    def close(self) -> None:
        """Release the simulator."""
        self.environment.close()


# In Gymnasium 1.4 the default camera stays at the start, and the cheetah soon leaves the picture.
_CAMERAS = {"HalfCheetah": "track"}


def make_rendered_environment(
    make: Callable[..., gymnasium.Env[Any, Any]], environment_id: str
) -> gymnasium.Env[Any, Any]:
    """Make a real environment with render_mode="rgb_array" and check that it renders a frame.

    Args:
        make: makes the environment, given `render_options`.
        environment_id: id of the environment.

    Raises:
        ConfigurationError: MuJoCo cannot render on this machine.
    """
    environment = None
    draw_without_screen()
    try:
        environment = make(**render_options(environment_id))
        environment.reset(seed=0)
        environment.render()
    except MTS3Error:
        raise
    except Exception as error:  # Every backend of MuJoCo fails with errors of its own.
        if environment is not None:
            environment.close()
        raise rendering_error(environment_id, error) from error
    return environment


def render_options(environment_id: str) -> dict[str, Any]:
    """Options of an environment with which `render` returns frames that show the robot."""
    name = environment_id.split("/")[-1].split(":")[-1].split("-")[0]
    return {"render_mode": "rgb_array", **({"camera_name": _CAMERAS[name]} if name in _CAMERAS else {})}


_BACKENDS = {"egl": "EGL", "osmesa": "OSMesa"}
"""Values of MUJOCO_GL that need no screen, with the system's libraries behind them; EGL may use a GPU."""


def draw_without_screen() -> str | None:
    """Let MuJoCo draw off screen where Linux has no screen, with what the machine has for it.

    MuJoCo itself would look for a screen. A value that the user gave to MUJOCO_GL stays.

    Returns:
        The value that MUJOCO_GL got; None where nothing was changed.
    """
    if not sys.platform.startswith("linux") or any(os.environ.get(name) for name in _SCREENS):
        return None
    # PyOpenGL tells everybody that it has no accelerated form.
    logging.getLogger("OpenGL.acceleratesupport").setLevel(logging.WARNING)
    found = next((backend for backend, library in _BACKENDS.items() if find_library(library)), None)
    if found is not None:
        os.environ["MUJOCO_GL"] = found
    return found


_SCREENS = ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY")


def rendering_error(environment_id: str, error: Exception) -> ConfigurationError:
    """The error to raise when rendering failed, with the reason."""
    return ConfigurationError(
        f"{environment_id} cannot be rendered on this machine ({type(error).__name__}: {error}): without a screen "
        "MuJoCo needs EGL (Debian: apt install libegl1) and MUJOCO_GL=egl, or Mesa's OSMesa (libosmesa6) and "
        "MUJOCO_GL=osmesa; or do without films and render_mode"
    )


RendererFactory = Callable[[gymnasium.Env[Any, Any]], SceneRenderer | None]


def open_renderer(make_renderer: RendererFactory, environment_id: str, **options: Any) -> SceneRenderer:
    """Open the renderer of an environment and check that it renders a frame.

    Args:
        make_renderer: makes the renderer of an environment, see `Task.renderer`.
        environment_id, options: of `make_environment`.

    Raises:
        ConfigurationError: the task has no renderer, or MuJoCo cannot render on this machine.
    """
    draw_without_screen()
    try:
        environment = make_environment(
            environment_id, **{**render_options(environment_id), **options, "render_mode": "rgb_array"}
        )
        renderer = make_renderer(environment)
        if renderer is not None:
            renderer.render()
            return renderer
    except MTS3Error:
        raise
    except Exception as error:  # Every backend of MuJoCo fails with errors of its own.
        raise rendering_error(environment_id, error) from error
    environment.close()
    raise ConfigurationError(
        f"the task of {environment_id} has no renderer for imagined observations: give it a `renderer`, or leave "
        "render_mode out"
    )


_OBSERVATION_SIZE = 59


class FrankaKitchenRenderer(SceneRenderer):
    """Renders an imagined state of FrankaKitchen: the arm and the objects.

    Needs all positions.

    Raises:
        ConfigurationError: the environment is not FrankaKitchen.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        names = known_names("FrankaKitchen-v1", _OBSERVATION_SIZE)
        if names is None or not hasattr(environment.unwrapped, "robot_env"):
            raise ConfigurationError(f"{environment} is not FrankaKitchen: its state cannot be set from observations")
        self._columns = list(selector.require(position_names(names), "a picture of FrankaKitchen"))
        super().__init__(environment)

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        robot = simulator.robot_env
        robot.set_state(observation[self._columns].astype(np.float64), np.zeros(robot.model.nv))


JOINTS = ("rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
VELOCITY = "v_rootx"


class HalfCheetahRenderer(SceneRenderer):
    """Renders an imagined state of HalfCheetah; x is not observed, so the velocity is integrated from x = 0.

    Needs all joints and the forward velocity.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        *joints, velocity = selector.require((*JOINTS, VELOCITY), "a picture of HalfCheetah")
        self._joints, self._velocity = list(joints), velocity
        super().__init__(environment)
        self.begin()

    def begin(self) -> None:
        self._x, self._started = 0.0, False

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        # The first observation is the start of the episode; each other one follows a step.
        self._x += float(observation[self._velocity]) * simulator.dt if self._started else 0.0
        self._started = True
        simulator.set_state(np.array([self._x, *observation[self._joints]]), np.zeros(simulator.model.nv))


class PointMazeRenderer(SceneRenderer):
    """Renders an imagined state of PointMaze: the ball and its goal.

    Needs x and y.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        self._columns = list(selector.require(("x", "y"), "a picture of PointMaze"))
        super().__init__(environment)

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        if goal is not None:
            simulator.goal = goal.astype(np.float64)
            simulator.update_target_site_pos()
        simulator.point_env.set_state(observation[self._columns].astype(np.float64), np.zeros(2))


POSITION = ("x", "y", "z")
SINES, COSINES = (tuple(f"{part}_{angle}" for angle in ("roll", "pitch", "yaw")) for part in ("sin", "cos"))


class SkidSteerRenderer(SceneRenderer):
    """Renders an imagined pose of the skid-steer robot above flat ground, because models do not imagine the hills.

    Needs position and angles.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        columns = selector.require((*POSITION, *SINES, *COSINES), "a picture of SkidSteer")
        self._position, self._sines, self._cosines = (list(columns[i : i + 3]) for i in (0, 3, 6))
        super().__init__(environment)
        simulator: Any = environment.unwrapped
        simulator.flatten_terrain()

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        roll, pitch, yaw = np.arctan2(observation[self._sines], observation[self._cosines])
        x, y, z, w = Rotation.from_euler("ZYX", (yaw, pitch, roll)).as_quat()
        pose = [*observation[self._position], w, x, y, z]
        simulator.set_state(np.array([*pose, *np.zeros(4)]), np.zeros(simulator.model.nv))
