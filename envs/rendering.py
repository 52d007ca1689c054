"""Rendering of imagined observations by the real simulators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
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
    """Base class of renderers: the simulator of a real environment shows what a model imagines.

    Args:
        environment: closed with the renderer.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any]) -> None:
        self.environment = environment
        environment.reset(seed=0)

    @abstractmethod
    def begin(self) -> None:
        """An episode begins with the next observation."""

    @abstractmethod
    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        """Put the simulator into the state of a selected observation (obs,) with its goal (g,)."""

    def render(self) -> Frame:
        """The picture (height, width, 3) of what was shown last."""
        return np.array(self.environment.render(), dtype=np.uint8)

    def close(self) -> None:
        """Release the simulator."""
        self.environment.close()


# Gymnasium 1.4 looks from where the cheetah starts, and soon at nothing.
_CAMERAS = {"HalfCheetah": "track"}


def make_rendered_environment(
    make: Callable[..., gymnasium.Env[Any, Any]], environment_id: str
) -> gymnasium.Env[Any, Any]:
    """A real environment with render_mode="rgb_array", after one picture as a trial.

    Args:
        make: makes the environment, given `render_options`.
        environment_id: that of the environment.

    Raises:
        ConfigurationError: MuJoCo has no way to draw on this machine.
    """
    environment = None
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
    """Options of an environment under which `render` gives pictures of what happens."""
    name = environment_id.split("/")[-1].split(":")[-1].split("-")[0]
    return {"render_mode": "rgb_array", **({"camera_name": _CAMERAS[name]} if name in _CAMERAS else {})}


def rendering_error(environment_id: str, error: Exception) -> ConfigurationError:
    """The error to raise where rendering failed, with its reason."""
    return ConfigurationError(
        f"{environment_id} cannot be drawn on this machine ({type(error).__name__}: {error}): set MUJOCO_GL=osmesa "
        "with Mesa's software renderer (Debian: libosmesa6), or MUJOCO_GL=egl with a GPU driver, before Python "
        "starts; or leave render_mode away"
    )


RendererFactory = Callable[[gymnasium.Env[Any, Any]], SceneRenderer | None]


def open_renderer(make_renderer: RendererFactory, environment_id: str, **options: Any) -> SceneRenderer:
    """The renderer of an environment, after one picture as a trial.

    Args:
        make_renderer: makes the renderer of an environment, see `Task.renderer`.
        environment_id: as in `make_environment`, which gets the options too.

    Raises:
        ConfigurationError: the task cannot be drawn, or MuJoCo has no way to draw on this machine.
    """
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
        f"nobody has said how to draw imagined observations of {environment_id}: give the task a `renderer`, or leave "
        "render_mode away"
    )


_ENTRIES = 59


class FrankaKitchenRenderer(SceneRenderer):
    """Renders an imagined state of FrankaKitchen: the arm and the objects.

    Args:
        environment: FrankaKitchen, made for rendering.
        selector: must see all positions.

    Raises:
        UnknownObservationError: it does not.
        ConfigurationError: the environment is another one.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        names = known_names("FrankaKitchen-v1", _ENTRIES)
        if names is None or not hasattr(environment.unwrapped, "robot_env"):
            raise ConfigurationError(f"{environment} is no FrankaKitchen, its state cannot be set from observations")
        self._columns = list(selector.require(position_names(names), "a picture of FrankaKitchen"))
        super().__init__(environment)

    def begin(self) -> None:
        """Nothing is remembered from step to step."""

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        robot = simulator.robot_env
        robot.set_state(observation[self._columns].astype(np.float64), np.zeros(robot.model.nv))


JOINTS = ("rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
VELOCITY = "v_rootx"


class HalfCheetahRenderer(SceneRenderer):
    """The cheetah with the imagined joints; its place is not observed, so its velocity is integrated from x = 0.

    Args:
        environment: HalfCheetah, made for rendering.
        selector: must see all joints and the forward velocity.

    Raises:
        UnknownObservationError: it does not.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        *joints, velocity = selector.require((*JOINTS, VELOCITY), "a picture of HalfCheetah")
        self._joints, self._velocity = list(joints), velocity
        super().__init__(environment)
        self.begin()

    def begin(self) -> None:
        self._x, self._began = 0.0, False

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        # The first observation is where the episode begins; each later one comes a step after the one before.
        self._x += float(observation[self._velocity]) * simulator.dt if self._began else 0.0
        self._began = True
        simulator.set_state(np.array([self._x, *observation[self._joints]]), np.zeros(simulator.model.nv))


class PointMazeRenderer(SceneRenderer):
    """Renders an imagined state of PointMaze: the ball and its goal.

    Args:
        environment: PointMaze, made for rendering.
        selector: must see x and y.

    Raises:
        UnknownObservationError: it does not.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        self._columns = list(selector.require(("x", "y"), "a picture of PointMaze"))
        super().__init__(environment)

    def begin(self) -> None:
        """Nothing is remembered from step to step."""

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        if goal is not None:
            simulator.goal = goal.astype(np.float64)
            simulator.update_target_site_pos()
        simulator.point_env.set_state(observation[self._columns].astype(np.float64), np.zeros(2))


POSITION = ("x", "y", "z")
SINES, COSINES = (tuple(f"{part}_{angle}" for angle in ("roll", "pitch", "yaw")) for part in ("sin", "cos"))


class SkidSteerRenderer(SceneRenderer):
    """The robot where it is imagined, in the air above flat ground: no model imagines the hills that it drives on.

    Args:
        environment: SkidSteer, made for rendering.
        selector: must see position and angles.

    Raises:
        UnknownObservationError: it does not.
    """

    def __init__(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> None:
        columns = selector.require((*POSITION, *SINES, *COSINES), "a picture of SkidSteer")
        self._position, self._sines, self._cosines = (list(columns[i : i + 3]) for i in (0, 3, 6))
        super().__init__(environment)
        simulator: Any = environment.unwrapped
        simulator.lay_flat()

    def begin(self) -> None:
        """Nothing is remembered from step to step."""

    def show(self, observation: FloatArray, goal: FloatArray | None) -> None:
        simulator: Any = self.environment.unwrapped
        roll, pitch, yaw = np.arctan2(observation[self._sines], observation[self._cosines])
        x, y, z, w = Rotation.from_euler("ZYX", (yaw, pitch, roll)).as_quat()
        pose = [*observation[self._position], w, x, y, z]
        simulator.set_state(np.array([*pose, *np.zeros(4)]), np.zeros(simulator.model.nv))
