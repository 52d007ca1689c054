"""The robot keeps Gymnasium's contract and the laws of physics."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from scipy.spatial.transform import Rotation
from stable_baselines3.common.env_checker import check_env as check_env_of_sb3

from mbrl_mts3.envs import SKID_STEER_ID, make_environment
from mbrl_mts3.envs.rendering import draw_without_screen
from mbrl_mts3.errors import ConfigurationError

FORWARD, TURN_LEFT = np.ones(4, np.float32), np.array([-1, 1, -1, 1], np.float32)
ROBOT_MASS, GRAVITY = 14.4, 9.81


@pytest.fixture(scope="module")
def hills() -> Iterator[Any]:
    environment = make_environment(SKID_STEER_ID)
    yield environment
    environment.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[Any]:
    environment = make_environment(SKID_STEER_ID, amplitude=0.0)
    yield environment
    environment.close()


def drive(environment: Any, actions: Any, seed: int = 0) -> tuple[np.ndarray[Any, Any], list[float], dict[str, Any]]:
    """Observations, rewards and the last info."""
    observation, info = environment.reset(seed=seed)
    observations, rewards = [observation], []
    for action in actions:
        observation, reward, terminated, truncated, info = environment.step(action)
        observations.append(observation)
        rewards.append(reward)
        if terminated or truncated:
            break
    return np.stack(observations), rewards, info


def random_actions(seed: int, steps: int) -> np.ndarray[Any, Any]:
    """Full torque, one way or the other, held for a tenth of a second to ten."""
    generator = np.random.default_rng(seed)
    held = [np.tile(generator.choice([-1.0, 1.0], 4), (generator.integers(5, 500), 1)) for _ in range(steps // 5)]
    return np.concatenate(held)[:steps]


@pytest.mark.filterwarnings("ignore:.*Box observation space")
def test_both_checkers_pass() -> None:
    environment = make_environment(SKID_STEER_ID)
    # Rendering is tested below, off screen; the checker would open a window.
    check_env(environment.unwrapped, skip_render_check=True)
    check_env_of_sb3(environment)
    environment.close()


def test_spaces_and_time_are_as_documented(hills: Any) -> None:
    assert hills.observation_space.shape == (9,)
    assert hills.action_space == gymnasium.spaces.Box(-1.0, 1.0, (4,), np.float32)
    assert hills.unwrapped.dt == pytest.approx(0.02)
    assert hills.spec.max_episode_steps == 1000
    assert hills.unwrapped.model.body_mass.sum() == pytest.approx(ROBOT_MASS)


def test_equal_seeds_give_equal_episodes_whatever_came_before(hills: Any) -> None:
    first, _, _ = drive(hills, random_actions(0, 150), seed=5)
    drive(hills, random_actions(1, 20), seed=6)
    again, _, _ = drive(hills, random_actions(0, 150), seed=5)
    np.testing.assert_array_equal(first, again)
    elsewhere, _, _ = drive(make_environment(SKID_STEER_ID), random_actions(0, 150), seed=5)
    np.testing.assert_array_equal(first, elsewhere)


def test_each_reset_draws_new_hills_unless_told_otherwise(hills: Any) -> None:
    hills.reset(seed=1)
    first = hills.unwrapped.terrain.heights
    hills.reset()
    assert np.abs(hills.unwrapped.terrain.heights - first).mean() > 0.1
    fixed: Any = make_environment(SKID_STEER_ID, terrain_seed=4)
    starts, grounds = [], []
    for seed in (1, 2):
        starts.append(fixed.reset(seed=seed)[0])
        grounds.append(fixed.unwrapped.terrain.heights)
    np.testing.assert_array_equal(*grounds)
    assert np.abs(starts[0] - starts[1]).max() > 0.1


def test_the_simulator_s_ground_is_the_terrain(hills: Any) -> None:
    """Rays from above hit the surface where the terrain says that it is, slopes of a cell aside."""
    hills.reset(seed=3)
    model, data, hit = hills.unwrapped.model, hills.unwrapped.data, np.zeros(1, np.int32)
    for x, y in np.random.default_rng(0).uniform(5.0, 25.0, (50, 2)):
        down = mujoco.mj_ray(model, data, np.array([x, y, 10.0]), np.array([0.0, 0.0, -1.0]), None, 1, -1, hit)
        assert 10.0 - down == pytest.approx(float(hills.unwrapped.terrain.height(x, y)), abs=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_the_robot_starts_at_rest_on_the_ground(hills: Any, seed: int) -> None:
    observation, info = hills.reset(seed=seed)
    assert not any(np.any(info[name]) for name in ("velocity", "angular_velocity", "wheel_speeds"))
    assert np.abs(observation[:2]).max() < 2.5
    clearance = observation[2] - hills.unwrapped.terrain.height(observation[0], observation[1])
    assert 0.05 < clearance < 0.15
    # Whatever forces act: the ground carries its weight.
    mujoco.mj_forward(hills.unwrapped.model, hills.unwrapped.data)
    _, _, info = drive(hills, np.zeros((1, 4)), seed=seed)
    assert np.linalg.norm(info["velocity"]) < 0.15


def test_angles_are_the_simulator_s_rotation(hills: Any) -> None:
    observations, _, _ = drive(hills, random_actions(2, 200))
    roll, pitch, yaw = np.arctan2(observations[-1][3:6], observations[-1][6:9])
    quaternion = hills.unwrapped.data.qpos[3:7]
    ours = Rotation.from_euler("ZYX", (yaw, pitch, roll))
    np.testing.assert_allclose(ours.as_matrix(), Rotation.from_quat(np.roll(quaternion, -1)).as_matrix(), atol=1e-9)
    np.testing.assert_allclose(observations[:, 3:6] ** 2 + observations[:, 6:9] ** 2, 1.0)


def test_equal_torques_drive_forward(plain: Any) -> None:
    observations, _, info = drive(plain, [FORWARD] * 150)
    heading = np.array([observations[0][8], observations[0][5]])
    way = observations[-1][:2] - observations[0][:2]
    assert way @ heading == pytest.approx(np.linalg.norm(way), rel=1e-3)
    # 1.5 m/s is where the motors' counter-voltage balances their torque.
    assert info["velocity"][:2] @ heading == pytest.approx(1.5, abs=0.05)
    backward, _, info = drive(plain, [-FORWARD] * 150)
    np.testing.assert_allclose(backward[-1][:2] - backward[0][:2], -way, atol=0.05)


def test_opposite_torques_turn_on_the_spot(plain: Any) -> None:
    for sign in (1, -1):
        observations, _, _ = drive(plain, [sign * TURN_LEFT] * 100)
        yaw = np.unwrap(np.arctan2(observations[:, 5], observations[:, 8]))
        assert sign * (yaw[-1] - yaw[0]) > 1.0
        assert np.linalg.norm(observations[-1][:2] - observations[0][:2]) < 0.2


def test_hills_slow_the_robot_down_and_up(hills: Any, plain: Any) -> None:
    """On flat ground the pose tells all that will happen; here it does not."""
    flat, hilly = (np.diff(drive(env, [FORWARD] * 400, seed=1)[0][100:, :3], axis=0) for env in (plain, hills))
    assert np.linalg.norm(flat, axis=1).std() < 1e-3
    assert np.linalg.norm(hilly, axis=1).std() > 3e-3


def test_motors_are_the_only_source_of_energy(hills: Any) -> None:
    """Kinetic and potential energy never exceed what was there and what the motors put in."""
    environment = hills.unwrapped
    environment.reset(seed=7)
    model, data = environment.model, environment.data
    start, supplied, excess = None, 0.0, []
    for action in random_actions(7, 300):
        data.ctrl[:] = action
        for _ in range(5):
            mujoco.mj_step(model, data)
            supplied += float(data.actuator_force @ data.actuator_velocity) * model.opt.timestep
            mujoco.mj_energyPos(model, data)
            mujoco.mj_energyVel(model, data)
            start = data.energy.sum() if start is None else start
            excess.append(data.energy.sum() - start - supplied)
    # Springs of contacts and the finite step leave a little.
    assert max(excess) < 1.0
    assert excess[-1] < -5.0, "nothing was lost to friction: energies are not measured"


def energetic(environment: Any, seed: int) -> None:
    highest_speed = 0.0
    environment.reset(seed=seed)
    for action in random_actions(seed, 1000):
        observation, _, terminated, truncated, info = environment.step(action)
        highest_speed = max(highest_speed, float(np.linalg.norm(info["velocity"])))
        clearance = observation[2] - environment.unwrapped.terrain.height(observation[0], observation[1])
        assert -0.05 < clearance < 0.6
        if terminated or truncated:
            break
    assert np.isfinite(observation).all()
    # 1.5 m/s by its own force; more where it rolls down a hill.
    assert highest_speed < 3.5


@pytest.mark.parametrize("seed", range(2))
def test_full_torque_does_not_blow_up(hills: Any, seed: int) -> None:
    energetic(hills, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 20))
def test_full_torque_does_not_blow_up_on_many_hills(hills: Any, seed: int) -> None:
    energetic(hills, seed)


def test_reward_is_progress_less_effort(hills: Any) -> None:
    actions = random_actions(3, 50) * 0.5
    observations, rewards, _ = drive(hills, actions)
    progress = np.diff(observations[:, 0]) / 0.02
    np.testing.assert_allclose(rewards, progress - 0.05 * np.square(actions).sum(axis=1), atol=1e-9)
    weighted = make_environment(SKID_STEER_ID, forward_weight=0.0, control_weight=2.0)
    np.testing.assert_allclose(drive(weighted, actions[:5])[1], -2 * np.square(actions[:5]).sum(axis=1))


def test_an_action_beyond_the_box_counts_as_its_edge(plain: Any) -> None:
    beyond, inside = (drive(plain.unwrapped, [scale * FORWARD] * 10) for scale in (7.0, 1.0))
    np.testing.assert_array_equal(beyond[0], inside[0])
    assert beyond[1] == inside[1]


@pytest.mark.parametrize("ends", [True, False])
def test_an_episode_ends_when_the_robot_lies_on_its_side(ends: bool) -> None:
    environment: Any = make_environment(SKID_STEER_ID, amplitude=0.0, terminate_when_tipped=ends).unwrapped
    environment.reset(seed=0)
    on_its_side = [0.0, 0.0, 0.3, *Rotation.from_euler("x", 90, degrees=True).as_quat(scalar_first=True)]
    environment.set_state(np.array([*on_its_side, *np.zeros(4)]), np.zeros(10))
    observation, _, terminated, _, _ = environment.step(np.zeros(4))
    assert terminated is ends
    assert observation[6] * observation[7] < np.cos(np.deg2rad(80))


def test_an_episode_is_cut_before_the_edge_and_after_its_time() -> None:
    environment: Any = make_environment(SKID_STEER_ID, amplitude=0.0, max_episode_steps=30)
    environment.reset(seed=0)
    environment.unwrapped.place(30.8, 0.0, 0.0)
    flags = [environment.step(FORWARD)[2:4] for _ in range(30)]
    first = flags.index((False, True))
    assert 5 < first < 29
    drive_on, _, _ = drive(environment, [FORWARD] * 50)
    assert len(drive_on) == 31


def test_a_point_is_to_be_reached() -> None:
    environment: Any = make_environment(SKID_STEER_ID, amplitude=0.0, goal_distance=3.0)
    observation, info = environment.reset(seed=4)
    assert environment.observation_space == make_environment(SKID_STEER_ID).observation_space
    assert info["success"] is False
    np.testing.assert_allclose(observation[:2], [-1.5, 0], atol=0.05)
    yaws = [np.arctan2(*environment.reset(seed=seed)[0][[5, 8]]) for seed in range(30)]
    assert np.abs(yaws).max() > 2
    environment.unwrapped.place(-1.5, 0.0, 0.0)
    distance = 3.0
    for _ in range(400):
        observation, reward, terminated, truncated, info = environment.step(FORWARD)
        assert reward == pytest.approx(-np.hypot(observation[0] - 1.5, observation[1]))
        assert terminated == info["success"] == (reward >= -0.5)
        assert -reward < distance + 1e-3
        distance = -reward
        if terminated:
            break
    assert terminated
    assert not truncated


@pytest.mark.parametrize("distance", [0.3, 61.0, -5.0])
def test_a_point_too_near_or_beyond_the_terrain_is_refused(distance: float) -> None:
    with pytest.raises(ConfigurationError, match="goal_distance"):
        make_environment(SKID_STEER_ID, goal_distance=distance)


def test_it_can_be_pickled() -> None:
    environment = make_environment(SKID_STEER_ID, amplitude=0.5, terrain_seed=1, goal_distance=7.0).unwrapped
    copy = pickle.loads(pickle.dumps(environment))
    np.testing.assert_array_equal(copy.terrain.heights, environment.terrain.heights)
    assert copy.goal_distance == 7.0


@pytest.mark.parametrize("options", [{"amplitude": -0.1}, {"wavelength": 0.5}])
def test_impossible_ground_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"amplitude|wavelength"):
        make_environment(SKID_STEER_ID, **options)


def test_pictures_show_the_hills_of_the_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    draw_without_screen()
    environment: Any = make_environment(SKID_STEER_ID, render_mode="rgb_array", width=160, height=120)
    environment.reset(seed=1)
    try:
        first = environment.render()
    except Exception as error:  # Every backend of MuJoCo fails with errors of its own.
        pytest.skip(f"MuJoCo cannot draw here: {error}")
    environment.reset(seed=2)
    second = environment.render()
    fresh: Any = make_environment(SKID_STEER_ID, render_mode="rgb_array", width=160, height=120)
    fresh.reset(seed=2)
    assert first.shape == (120, 160, 3)
    assert first.std() > 5
    # A viewer that kept the hills of the first episode would draw another picture than a new one.
    np.testing.assert_array_equal(second, fresh.render())
    environment.close()
    fresh.close()
