"""A four-wheel skid-steer robot on random hilly terrain, simulated by MuJoCo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from gymnasium import spaces
from gymnasium.envs.mujoco import MujocoEnv
from gymnasium.utils import EzPickle
from scipy.ndimage import map_coordinates

from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.errors import ConfigurationError

MODEL = Path(__file__).with_name("skid_steer.xml")
# Angle between the robot's vertical and the world's, in degrees, above which it counts as tipped over.
TIPPING_ANGLE = 80.0
# Distance from the middle within which the goal is reached, in metres: about the robot's length.
REACHED_DISTANCE = 0.5
# From one observation to the next; the simulator takes five steps of 4 ms.
STEP_SECONDS, _FRAME_SKIP = 0.02, 5
# Half width of the square in which the robot starts, in metres.
_START_RANGE = 2.0
# Most that a goal may be from the start, in metres.
_FARTHEST_GOAL = 60.0
# Radius of a circle around all wheels, and radius of a wheel, in metres.
_REACH, _WHEEL_RADIUS = 0.35, 0.1
# Damping of the wheels while the robot comes to rest on the ground, in N m s, and the steps (1 s) of that.
_BRAKES, _SETTLING_STEPS = 100.0, 250


class SkidSteerEnv(MujocoEnv, EzPickle):
    """A four-wheel skid-steer robot on random hilly terrain, after the fourth data set of the MTS3 paper.

    The robot (14.4 kg, 0.48 m wide) has no steering: it turns by different torques of its left and right wheels, and
    then skids. Its wheels slip, lift off and get stuck. The ground, velocities and the speeds of the wheels are not
    observed. A step takes 0.02 s.

    - Action: torques of the wheels front left, front right, rear left, rear right in units of 3.5 Nm, each in [-1, 1].
      A free wheel reaches 15 rad/s, which is 1.5 m/s.
    - Observation (9): position x, y, z of the chassis in metres, the sines of roll, pitch and yaw, their cosines. The
      rotation is R_z(yaw) R_y(pitch) R_x(roll); z points up, the robot's own x forward, its y to the left.
    - Reward: forward_weight (x' - x) / 0.02 s - control_weight sum a^2: progress along +x, whatever direction the
      robot faces at the start.
    - Start: at rest on the ground within 2 m of the middle along x and y, in a random direction.
    - End: terminated when the robot has tipped over by more than 80 degrees; truncated after 1,000 steps (by the time
      limit of the registered environment), and 1 m before the edge of the terrain, 32 m from the middle, which a robot
      can hardly reach in that time.
    - Info: `velocity` (3, m/s, of the chassis in the world), `angular_velocity` (3, rad/s, in the robot's own frame),
      `wheel_speeds` (4, rad/s).

    With `goal_distance` the task is to reach a point: the robot starts half the distance from the middle, at -x, in a
    random direction, and the point lies as far at +x. The reward is minus the distance to it after the step, in metres,
    and an episode is terminated within 0.5 m of it; `info` has `success` then. Hills and direction are random, so that
    the point may as well lie anywhere else. What is observed is the same, so models of other episodes fit, and the way
    lies where most of those are.

    The attribute `terrain` is the ground of this episode.

    Args:
        amplitude: half the height from the deepest valley to the highest hill, in metres; 0 is flat.
        wavelength: typical distance from hill to hill, in metres, at least 2.
        terrain_seed: gives the same terrain in all episodes; None samples a new one at each reset.
        terminate_when_tipped: otherwise the episode continues until the time limit.
        forward_weight: reward for each m/s.
        control_weight: cost of a squared action.
        goal_distance: metres from the start to the point to reach, up to 60; None pays for any progress along +x.
        render_mode: "human", "rgb_array", "depth_array" or "rgbd_tuple".
        camera_name: "track" follows the robot.
        kwargs: further arguments of Gymnasium's `MujocoEnv`, such as width and height of pictures.

    Raises:
        ConfigurationError: the amplitude is negative, the hills are too short, or the goal is too near or too far.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": ["human", "rgb_array", "depth_array", "rgbd_tuple"],
        "render_fps": 50,
    }
    # Whether the terrain has changed since the last rendering.
    _terrain_changed: bool

    def __init__(
        self,
        amplitude: float = 1.0,
        wavelength: float = 8.0,
        terrain_seed: int | None = None,
        terminate_when_tipped: bool = True,
        forward_weight: float = 1.0,
        control_weight: float = 0.05,
        goal_distance: float | None = None,
        render_mode: str | None = None,
        camera_name: str | None = "track",
        **kwargs: Any,
    ) -> None:
        EzPickle.__init__(
            self,
            amplitude,
            wavelength,
            terrain_seed,
            terminate_when_tipped,
            forward_weight,
            control_weight,
            goal_distance,
            render_mode,
            camera_name,
            **kwargs,
        )
        self.amplitude, self.wavelength, self.terrain_seed = amplitude, wavelength, terrain_seed
        self._terminate_when_tipped = terminate_when_tipped
        self._forward_weight, self._control_weight = forward_weight, control_weight
        if goal_distance is not None and not REACHED_DISTANCE < goal_distance <= _FARTHEST_GOAL:
            raise ConfigurationError(
                f"goal_distance={goal_distance}: expected more than {REACHED_DISTANCE} m, where the goal is reached, "
                f"and at most {_FARTHEST_GOAL:g} m, where the terrain ends; or null for progress along +x"
            )
        self.goal_distance = goal_distance
        bound = np.array([np.inf] * 3 + [1.0] * 6)
        MujocoEnv.__init__(
            self,
            str(MODEL),
            _FRAME_SKIP,
            observation_space=spaces.Box(-bound, bound, dtype=np.float64),
            render_mode=render_mode,
            camera_name=camera_name,
            **kwargs,
        )
        self._wheels = self.model.joint("front_left").dofadr[0] + np.arange(4)
        self._set_terrain(self._sample_terrain(np.random.default_rng(terrain_seed)))

    def step(self, action: Any) -> tuple[DoubleArray, np.float64, bool, bool, dict[str, Any]]:
        action = np.clip(np.asarray(action, np.float64), -1.0, 1.0)
        before = float(self.data.qpos[0])
        self.do_simulation(action, self.frame_skip)
        terminated = self._terminate_when_tipped and self.tipped
        if self.goal_distance is None:
            velocity = (self.data.qpos[0] - before) / self.dt
            reward = np.float64(self._forward_weight * velocity - self._control_weight * np.square(action).sum())
        else:
            reward = -self._distance
            terminated = terminated or bool(self._distance <= REACHED_DISTANCE)
        truncated = bool(np.abs(self.data.qpos[:2]).max() > self._edge)
        if self.render_mode == "human":
            self.render()
        return self._observation(), reward, terminated, truncated, self._get_reset_info()

    def reset_model(self) -> DoubleArray:
        if self.terrain_seed is None:
            self._set_terrain(self._sample_terrain(self.np_random))
        x, y, yaw = self.np_random.uniform(-1.0, 1.0, 3) * (_START_RANGE, _START_RANGE, np.pi)
        if self.goal_distance is not None:
            x, y = -self.goal_distance / 2, 0.0
        self.place(float(x), float(y), float(yaw))
        return self._observation()

    def place(self, x: float, y: float, yaw: float) -> None:
        """Place the robot at a position in metres, facing along `yaw` in radians, and let it come to rest."""
        around = np.linspace(-_REACH, _REACH, 8)
        ground = self.terrain.height(*np.meshgrid(x + around, y + around)).max()
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:7] = [x, y, ground + _WHEEL_RADIUS, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        free = self.model.dof_damping[self._wheels].copy()
        self.model.dof_damping[self._wheels] = _BRAKES
        mujoco.mj_step(self.model, self.data, nstep=_SETTLING_STEPS)
        self.model.dof_damping[self._wheels] = free
        self.data.qvel[:] = self.data.time = 0.0
        mujoco.mj_forward(self.model, self.data)

    @property
    def tipped(self) -> bool:
        """Whether the robot leans by more than 80 degrees."""
        return bool(self._rotation[2, 2] < np.cos(np.deg2rad(TIPPING_ANGLE)))

    @property
    def _distance(self) -> np.float64:
        """From the robot to the point that it has to reach, in metres."""
        return np.float64(np.hypot(self.data.qpos[0] - (self.goal_distance or 0.0) / 2, self.data.qpos[1]))

    def flatten_terrain(self) -> None:
        """Replace the hills by flat ground at the height of the deepest valley, until a reset samples new ones."""
        self._set_terrain(HillyTerrain(np.full_like(self.terrain.heights, -self.amplitude), self._spacing))

    def render(self) -> Any:
        renderer: Any = self.mujoco_renderer
        if renderer.viewer is not None and self._terrain_changed:
            # The graphics memory has its own copy of the heights.
            renderer.viewer.make_context_current()
            mujoco.mjr_uploadHField(self.model, renderer.viewer.con, 0)
        self._terrain_changed = False
        return renderer.render(self.render_mode)

    def _initialize_simulation(self) -> tuple[mujoco.MjModel, mujoco.MjData]:
        if self.amplitude < 0:
            raise ConfigurationError(f"the amplitude of the terrain needs to be at least 0 m, got {self.amplitude}")
        spec = mujoco.MjSpec.from_file(self.fullpath)
        field = spec.hfield("terrain")
        # MuJoCo needs a positive height; the samples, in [0, 1], are multiplied by it.
        field.size[2] = self._height = max(2 * self.amplitude, 1e-3)
        spec.geom("terrain").pos[2] = -self.amplitude
        self._spacing = 2 * float(field.size[0]) / (field.ncol - 1)
        self._samples, self._edge = int(field.ncol), float(field.size[0]) - 1.0
        visual = spec.visual.global_
        visual.offwidth, visual.offheight = max(visual.offwidth, self.width), max(visual.offheight, self.height)
        model = spec.compile()
        return model, mujoco.MjData(model)

    def _sample_terrain(self, generator: np.random.Generator) -> HillyTerrain:
        return HillyTerrain.sample(generator, self._samples, self._spacing, self.amplitude, self.wavelength)

    def _set_terrain(self, terrain: HillyTerrain) -> None:
        self.terrain = terrain
        self._terrain_changed = True
        self.model.hfield_data[:] = ((terrain.heights + self.amplitude) / self._height).ravel()

    @property
    def _rotation(self) -> DoubleArray:
        """Rotation matrix (3, 3) from the robot's frame to the world's."""
        matrix = np.empty(9)
        # Not xmat, which is one integration step old after a step of the simulator.
        mujoco.mju_quat2Mat(matrix, self.data.qpos[3:7])
        return matrix.reshape(3, 3)

    def _observation(self) -> DoubleArray:
        rotation = self._rotation
        roll = np.arctan2(rotation[2, 1], rotation[2, 2])
        pitch = np.arctan2(-rotation[2, 0], np.hypot(rotation[2, 1], rotation[2, 2]))
        yaw = np.arctan2(rotation[1, 0], rotation[0, 0])
        angles = np.array([roll, pitch, yaw])
        return np.concatenate([self.data.qpos[:3], np.sin(angles), np.cos(angles)])

    def _get_reset_info(self) -> dict[str, Any]:
        velocities = self.data.qvel
        reached = {} if self.goal_distance is None else {"success": bool(self._distance <= REACHED_DISTANCE)}
        return {
            **reached,
            "velocity": velocities[:3].copy(),
            "angular_velocity": velocities[3:6].copy(),
            "wheel_speeds": velocities[self._wheels].copy(),
        }


# Hills shorter than this many samples would look like steps.
_SAMPLES_PER_HILL = 8


@dataclass(frozen=True)
class HillyTerrain:
    """Heights of a square terrain around the origin, interpolated linearly between its samples."""

    heights: DoubleArray
    """(n, n), in metres: row i lies at y = spacing (i - (n - 1) / 2), columns in the same way along x."""
    spacing: float
    """Metres from sample to sample."""

    @classmethod
    def sample(
        cls, generator: np.random.Generator, samples: int, spacing: float, amplitude: float, wavelength: float
    ) -> HillyTerrain:
        """Sample smooth terrain by filtering white noise.

        The noise's Fourier transform is multiplied by exp(-(wavelength |k|)^2 / 2), and the result is scaled: a
        stationary, isotropic Gaussian field with a squared-exponential covariance. Opposite edges match.

        Args:
            generator: source of randomness.
            samples: number along each side.
            spacing: metres from sample to sample.
            amplitude: depth of the deepest valley below 0 and height of the highest hill above 0, in metres.
            wavelength: typical distance from hill to hill, in metres.

        Raises:
            ConfigurationError: the amplitude is negative, or the hills are too short for the spacing.
        """
        if amplitude < 0:
            raise ConfigurationError(f"the amplitude of the terrain needs to be at least 0 m, got {amplitude}")
        if wavelength < _SAMPLES_PER_HILL * spacing:
            raise ConfigurationError(
                f"hills every {wavelength} m are too short for ground sampled every {spacing} m: "
                f"the wavelength needs at least {_SAMPLES_PER_HILL * spacing} m"
            )
        frequency = np.hypot(np.fft.fftfreq(samples, spacing)[:, None], np.fft.rfftfreq(samples, spacing))
        noise = np.fft.rfft2(generator.standard_normal((samples, samples)))
        field = np.fft.irfft2(noise * np.exp(-0.5 * (wavelength * frequency) ** 2), s=(samples, samples))
        lowest, highest = field.min(), field.max()
        return cls((2 * (field - lowest) / (highest - lowest) - 1) * amplitude, spacing)

    def height(self, x: DoubleArray | float, y: DoubleArray | float) -> DoubleArray:
        """Height of the ground in metres at positions of the same shape; outside the terrain that of its edge."""
        middle = (len(self.heights) - 1) / 2
        places = np.stack([np.ravel(y), np.ravel(x)]) / self.spacing + middle
        return np.reshape(map_coordinates(self.heights, places, order=1, mode="nearest"), np.shape(x))
