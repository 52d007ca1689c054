"""Policies behind VecNormalize: the same actions as Stable-Baselines3 gives, and no code out of the file."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from mbrl_mts3.agents.behaviour import SB3Behaviour
from mbrl_mts3.agents.observation_statistics import NormalizingAgent, ObservationStatistics
from mbrl_mts3.agents.policy_files import load_policies, load_policy_files
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError

MAZE = "PointMaze_UMaze-v3"


class Trained:
    """An untrained policy in a VecNormalize that has seen some steps, saved by Stable-Baselines3 itself."""

    def __init__(self, folder: Path, env_id: str, **options: Any) -> None:
        self.environment = make_environment(env_id)
        self.seen = VecNormalize(DummyVecEnv([lambda: self.environment]), **options)
        kind, policy = (PPO, "MultiInputPolicy") if env_id == MAZE else (SAC, "MlpPolicy")
        self.model = kind(policy, self.seen, policy_kwargs={"net_arch": [8]}, device="cpu", seed=0)
        self.seen.reset()
        for _ in range(50):
            # Its generator is in the file, too.
            self.seen.step(np.array([self.environment.action_space.sample()]))
        self.policy, self.statistics = folder / "policy.zip", folder / "vecnormalize.pkl"
        self.model.save(self.policy)
        self.seen.save(str(self.statistics))

    def expected(self, observation: Any) -> np.ndarray:
        return self.model.predict(self.seen.normalize_obs(observation), deterministic=True)[0]


@pytest.fixture(params=["HalfCheetah-v5", MAZE])
def trained(request: pytest.FixtureRequest, tmp_path: Path) -> Trained:
    return Trained(tmp_path, request.param)


def observations(environment: gymnasium.Env[Any, Any]) -> list[Any]:
    seen = [environment.reset(seed=5)[0]]
    environment.action_space.seed(0)
    return seen + [environment.step(environment.action_space.sample())[0] for _ in range(5)]


def test_actions_are_those_of_stable_baselines3(trained: Trained) -> None:
    (agent,) = load_policies(
        trained.environment, trained.policy, trust_pickle=True, normalization=trained.statistics
    ).values()
    (plain,) = load_policies(trained.environment, trained.policy, trust_pickle=True).values()
    (judged,) = load_policy_files(
        [str(trained.policy)], trained.environment.observation_space, trained.environment.action_space,
        trust_pickle=True, normalization=trained.statistics,
    ).values()  # fmt: skip
    for observation in observations(trained.environment):
        expected = trained.expected(observation)
        for one in (agent, judged):
            np.testing.assert_allclose(one.predict(observation, deterministic=True)[0], expected, rtol=1e-6)
        assert not np.allclose(plain.predict(observation, deterministic=True)[0], expected)


def test_a_policy_collects_behind_its_statistics(tmp_path: Path) -> None:
    trained = Trained(tmp_path, "HalfCheetah-v5")
    behaviour = SB3Behaviour(
        trained.environment, trained.policy, deterministic=True, trust_pickle=True, normalization=trained.statistics
    )
    behaviour.reset(0)
    for observation in observations(trained.environment):
        np.testing.assert_allclose(behaviour(observation), trained.expected(observation), rtol=1e-6)


def test_statistics_are_those_of_the_file_and_clip(tmp_path: Path) -> None:
    trained = Trained(tmp_path, "HalfCheetah-v5", clip_obs=1.5, epsilon=1e-3)
    found = ObservationStatistics.read(trained.statistics)
    np.testing.assert_array_equal(found.mean[""], trained.seen.obs_rms.mean)
    np.testing.assert_array_equal(found.variance[""], trained.seen.obs_rms.var)
    assert (found.limit, found.epsilon) == (1.5, 1e-3)
    far = np.full((2, 17), 1e6)
    np.testing.assert_array_equal(found.normalize(far), np.full((2, 17), 1.5, np.float32))


def test_keys_that_were_not_normalised_stay(tmp_path: Path) -> None:
    trained = Trained(tmp_path, MAZE, norm_obs_keys=["observation"])
    found = ObservationStatistics.read(trained.statistics)
    observation = observations(trained.environment)[-1]
    shown = found.normalize(observation)
    assert shown["desired_goal"] is observation["desired_goal"]
    np.testing.assert_allclose(shown["observation"], trained.seen.normalize_obs(observation)["observation"], rtol=1e-6)


class Harmful:
    """What a pickle of a stranger may hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_nothing_in_the_file_is_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps(Harmful(made)))
    with pytest.raises(ConfigurationError, match=r"asks for posix\.mkdir"):
        ObservationStatistics.read(tmp_path / "bad.pkl")
    assert not made.exists()


@pytest.mark.parametrize("content", [{"a": 1}, [1, 2], {"norm_obs": True, "obs_rms": {}}, 3])
def test_other_files_are_refused(tmp_path: Path, content: object) -> None:
    (tmp_path / "other.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(ConfigurationError, match=r"other\.pkl holds no statistics .*VecNormalize\.save"):
        ObservationStatistics.read(tmp_path / "other.pkl")
    with pytest.raises(ConfigurationError, match="no file"):
        ObservationStatistics.read(tmp_path / "missing.pkl")


def test_statistics_that_change_nothing_or_fit_nothing_are_refused(tmp_path: Path) -> None:
    trained = Trained(tmp_path, "HalfCheetah-v5", norm_obs=False)
    with pytest.raises(ConfigurationError, match="its norm_obs is false"):
        ObservationStatistics.read(trained.statistics)
    other = Trained(tmp_path, MAZE)
    box = PPO("MlpPolicy", Still(), device="cpu", policy_kwargs={"net_arch": [4]})
    with pytest.raises(SpaceMismatchError, match="saved with this policy"):
        NormalizingAgent(box, ObservationStatistics.read(other.statistics))


class Still(gymnasium.Env[Any, Any]):
    """Nothing happens."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Box(-1, 1, (2,), np.float32)
