"""Imagined environments as Stable-Baselines3 has them."""

from __future__ import annotations

import pickle
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from imagined_worlds import checkpoint_of, dataset_of
from stable_baselines3 import PPO, SAC, TD3, HerReplayBuffer
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import WorldModelDynamics, WorldModelEnv, load_dynamics
from mbrl_mts3.errors import ConfigurationError, ShapeError


def loaded(env_id: str, **options: Any) -> WorldModelDynamics:
    data = dataset_of(env_id, episodes=1, steps=25)
    return load_dynamics(checkpoint_of(data), data, **{"context": 5, **options})


@pytest.fixture(scope="module")
def cheetah() -> WorldModelDynamics:
    return loaded("HalfCheetah-v5", max_episode_steps=3)


@pytest.fixture(scope="module")
def maze() -> WorldModelDynamics:
    return loaded("PointMaze_UMaze-v3", max_episode_steps=3)


def play(environment: Any, steps: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    environment.seed(seed)
    shape = (environment.num_envs, *environment.action_space.shape)
    given = [environment.reset()]
    return given + [environment.step(rng.uniform(-1, 1, shape).astype(np.float32)) for _ in range(steps)]


def test_it_gives_what_single_environments_give() -> None:
    """Without chance, and with one moment to start from, both must agree in all they return."""
    dynamics = loaded("HalfCheetah-v5", deterministic=True, num_start_states=1, max_episode_steps=3)
    ours, theirs = WorldModelVecEnv(dynamics, 2), DummyVecEnv([lambda: WorldModelEnv(dynamics) for _ in range(2)])
    assert ours.observation_space == theirs.observation_space
    for mine, yours in zip(play(ours, 7), play(theirs, 7), strict=True):
        if isinstance(yours, tuple):
            # SB3 reads this entry where an episode has ended, and only there.
            for done, info in zip(yours[2], yours[3], strict=True):
                if not done:
                    assert info.pop("TimeLimit.truncated") is False
        assert data_equivalence(mine, yours)


def test_the_last_observation_and_the_reason_are_kept(maze: WorldModelDynamics) -> None:
    environment = WorldModelVecEnv(maze, 2)
    *_, (observations, rewards, done, infos) = play(environment, 3)
    assert done.tolist() == [True, True]
    assert rewards.dtype == np.float32
    for row, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        assert info["truncation"] == "time_limit"
        assert info["terminal_observation"] in environment.observation_space
        assert not np.array_equal(info["terminal_observation"]["observation"], observations["observation"][row])


def test_an_end_is_no_truncation(maze: WorldModelDynamics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorldModelDynamics, "terminal", lambda self, state: state.steps >= 3)
    *_, (_, _, done, infos) = play(WorldModelVecEnv(maze, 2), 3)
    assert done.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [False, False]


def test_equal_seeds_give_equal_data(maze: WorldModelDynamics) -> None:
    first, second = WorldModelVecEnv(maze, 3), WorldModelVecEnv(maze, 3)
    assert data_equivalence(play(first, 7), play(second, 7), exact=True)
    assert not data_equivalence(play(first, 7), play(second, 7, seed=1))
    copy = pickle.loads(pickle.dumps(first))
    actions = np.zeros((3, 2), np.float32)
    assert data_equivalence(first.step(actions), copy.step(actions), exact=True)


def test_ppo_learns_in_a_box_and_wrappers_fit(cheetah: WorldModelDynamics) -> None:
    environment = VecNormalize(VecMonitor(WorldModelVecEnv(cheetah, 4)))
    model = PPO("MlpPolicy", environment, n_steps=8, batch_size=16, n_epochs=1, device="cpu")
    model.learn(32)
    assert {episode["l"] for episode in model.ep_info_buffer or ()} == {3}


def test_sac_learns_with_goals(maze: WorldModelDynamics) -> None:
    environment = WorldModelVecEnv(maze, 4)
    model = SAC("MultiInputPolicy", environment, learning_starts=8, batch_size=8, buffer_size=100, device="cpu")
    model.learn(24)
    action, _ = model.predict(environment.reset())
    assert action.shape == (4, 2)


def test_hindsight_replay_is_paid_as_the_maze_pays(maze: WorldModelDynamics, cheetah: WorldModelDynamics) -> None:
    environment = WorldModelVecEnv(maze, 3)
    generator = np.random.default_rng(0)
    achieved, desired = generator.uniform(-1, 1, (2, 50, 2))
    with closing(make_environment("PointMaze_UMaze-v3")) as real:
        expected = real.unwrapped.compute_reward(achieved, desired, {})
    (paid,) = environment.env_method("compute_reward", achieved, desired, [{}] * 50, indices=[1])
    np.testing.assert_allclose(paid, expected)
    assert 0 < paid.sum() < 50
    replay = {"replay_buffer_class": HerReplayBuffer, "replay_buffer_kwargs": {"n_sampled_goal": 3}}
    model = TD3("MultiInputPolicy", environment, learning_starts=12, batch_size=8, device="cpu", **replay)
    model.learn(30)
    with pytest.raises(ConfigurationError, match="hindsight replay"):
        WorldModelVecEnv(cheetah, 1).env_method("compute_reward", achieved, desired, {})


def test_what_it_has_no_environments_for_is_refused(cheetah: WorldModelDynamics) -> None:
    environment = WorldModelVecEnv(cheetah, 2)
    assert environment.get_attr("render_mode") == [None, None]
    assert environment.get_attr("max_episode_steps", indices=[0]) == [3]
    assert environment.env_is_wrapped(Monitor) == [False, False]
    assert list(environment.get_images()) == [None, None]
    with pytest.raises(ConfigurationError, match="load_dynamics"):
        environment.set_attr("max_episode_steps", 5)
    with pytest.raises(ConfigurationError, match="reset_model"):
        environment.env_method("reset_model")
    with pytest.raises(ConfigurationError, match="actions"):
        environment.step_wait()
    environment.reset()
    with pytest.raises(ShapeError, match=r"\(2, 6\)"):
        environment.step(np.zeros((3, 6), np.float32))
