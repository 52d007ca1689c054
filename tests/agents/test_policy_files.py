"""Policies by name, read from files that Stable-Baselines3 wrote."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import PPO, SAC

from mbrl_mts3.agents.baselines import NoisyAgent
from mbrl_mts3.agents.policy_files import load_policies, load_policy_files, save_policy
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError


def small() -> dict[str, Any]:
    """New each time: the algorithms write into what they get."""
    return {"policy_kwargs": {"net_arch": [4]}, "device": "cpu"}


@pytest.fixture(scope="module")
def cheetah() -> Any:
    environment = make_environment("HalfCheetah-v5")
    yield environment
    environment.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cheetah: Any) -> Path:
    path = tmp_path_factory.mktemp("policies")
    for seed, name in enumerate(("b", "a")):
        save_policy(SAC("MlpPolicy", cheetah, buffer_size=1, seed=seed, **small()), path / f"{name}.zip")
    save_policy(PPO("MlpPolicy", cheetah, **small()), path / "other" / "ppo.zip")
    (path / "empty.zip").write_text("nothing")
    return path


def test_files_are_found_by_globs_and_paths_and_named_after_themselves(folder: Path, cheetah: Any) -> None:
    spaces_ = cheetah.observation_space, cheetah.action_space
    policies = load_policy_files([str(folder / "[ab].zip")], *spaces_, random=True, noise={"a": 0.5})
    assert list(policies) == ["a", "b", "a+noise", "random"]
    observation, _ = cheetah.reset(seed=0)
    expected, _ = SAC.load(folder / "b.zip").predict(observation, deterministic=True)
    np.testing.assert_array_equal(policies["b"].predict(observation, deterministic=True)[0], expected)
    assert (policies["a"].predict(observation, deterministic=True)[0] != expected).any()
    loaded = load_policy_files([str(folder / "other" / "ppo.zip")], *spaces_)
    assert list(loaded) == ["ppo"]


@pytest.mark.parametrize(
    ("patterns", "options", "message"),
    [
        (["missing.zip"], {}, "no policy file matches 'missing.zip'"),
        ([], {}, "no policy"),
        (["{folder}/empty.zip"], {}, "is not a policy"),
        (["{folder}/other/ppo.zip"], {"algorithm": "SAC"}, "not a policy saved by SAC, but by PPO"),
        (["{folder}/a.zip"], {"algorithm": "DQN2"}, "SAC, TD3"),
        (["{folder}/a.zip"], {"noise": {"c": 1.0}}, "noise for c"),
        (["{folder}/a.zip"], {"noise": {"a": 0.0}}, "above 0"),
    ],
)
def test_bad_input_is_refused(
    folder: Path, cheetah: Any, patterns: list[str], options: dict[str, Any], message: str
) -> None:
    paths = [pattern.format(folder=folder) for pattern in patterns]
    with pytest.raises(ConfigurationError, match=message):
        load_policy_files(paths, cheetah.observation_space, cheetah.action_space, **options)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path, folder: Path, cheetah: Any) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.zip").write_bytes((folder / "a.zip").read_bytes())
    both = [str(folder / "a.zip"), str(tmp_path / "deep" / "a.zip")]
    loaded = load_policy_files(both, cheetah.observation_space, cheetah.action_space)
    assert list(loaded) == [f"{folder.name}/a", "deep/a"]


def test_agents_and_policies_take_the_same_globs(folder: Path, cheetah: Any) -> None:
    pattern = str(folder / "[ab].zip")
    files = load_policy_files([pattern], cheetah.observation_space, cheetah.action_space)
    assert list(load_policies(cheetah, pattern)) == list(files) == ["a", "b"]


def test_a_file_twice_and_foreign_spaces_are_refused(folder: Path, cheetah: Any) -> None:
    both = [str(folder / "a.zip"), str(folder / "[ab].zip")]
    with pytest.raises(ConfigurationError, match="named twice"):
        load_policy_files(both, cheetah.observation_space, cheetah.action_space)
    with pytest.raises(SpaceMismatchError, match=r"a.zip: the model was trained on observations"):
        load_policy_files(both[:1], spaces.Box(-1, 1, (3,)), cheetah.action_space)


class Still:
    """Does nothing; its state is the number of calls."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        return np.zeros((*np.shape(observation)[:-1], 2), np.float32), (state or 0) + 1


def test_noise_has_the_asked_deviation_and_stays_inside() -> None:
    space = spaces.Box(np.array([-1.0, -4.0], np.float32), np.array([1.0, 4.0], np.float32))
    agent = NoisyAgent(Still(), space, 0.25, seed=3)
    actions, state = agent.predict(np.zeros((20_000, 5)))
    np.testing.assert_allclose(actions.std(0), [0.25, 1.0], rtol=0.02)
    assert state == (1, 1)
    again, _ = agent.predict(np.zeros((20_000, 5)))
    np.testing.assert_array_equal(actions, again)
    later, state = agent.predict(np.zeros((20_000, 5)), state)
    assert (later != actions).any()
    assert state == (2, 2)
    strong, _ = NoisyAgent(Still(), space, 5.0).predict(np.zeros((100, 5)))
    assert space.contains(strong[0])
    assert np.abs(strong).max() == 4.0
