"""Policies of Stable-Baselines3 from their files."""

import sys
import zipfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv

from mbrl_mts3.agents.imagination import make_algorithm
from mbrl_mts3.agents.imagination.networks import LayerNormCritic, StandardizedObservations
from mbrl_mts3.agents.policy_files import ALGORITHMS, former_modules, load_policies, load_policy
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError


class Choices(gymnasium.Env[Any, Any]):
    """Nothing happens, in discrete actions."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(2)


@pytest.fixture(scope="module")
def cheetah() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = make_environment("HalfCheetah-v5")
    yield environment
    environment.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, cheetah: gymnasium.Env[Any, Any]) -> dict[str, Path]:
    """One untrained policy of each algorithm."""
    folder = tmp_path_factory.mktemp("policies")
    for name in ALGORITHMS:
        model = getattr(stable_baselines3, name)("MlpPolicy", cheetah, policy_kwargs={"net_arch": [4]}, device="cpu")
        (folder / name).mkdir()
        model.save(folder / name / "policy.zip")
    (folder / "DQN").mkdir()
    stable_baselines3.DQN("MlpPolicy", Choices(), buffer_size=1, device="cpu").save(folder / "DQN" / "policy.zip")
    (folder / "text.zip").write_text("no zip")
    return {path.parent.name: path for path in folder.glob("*/policy.zip")} | {"text": folder / "text.zip"}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_file_tells_its_algorithm(name: str, files: dict[str, Path], cheetah: gymnasium.Env[Any, Any]) -> None:
    observation = cheetah.observation_space.sample()
    expected, _ = getattr(stable_baselines3, name).load(files[name]).predict(observation, deterministic=True)
    for algorithm in ("auto", name):
        policy = load_policy(files[name], cheetah, algorithm=algorithm, trust_pickle=True)
        np.testing.assert_array_equal(policy.predict(observation, deterministic=True)[0], expected)


@pytest.mark.parametrize(
    ("name", "algorithm", "message"),
    [
        ("TD3", "SAC", "not a policy saved by SAC, but by TD3 or DDPG"),
        ("A2C", "PPO", "not a policy saved by PPO, but by A2C"),
        ("SAC", "HER", "unknown algorithm 'HER': expected auto, SAC"),
        ("DQN", "auto", "holds a policy of stable_baselines3.dqn.policies"),
        ("text", "auto", "is not a policy .*: give a zip file"),
        ("nothing", "auto", "no policy file"),
    ],
)
def test_other_files_are_refused(name: str, algorithm: str, message: str, files: dict[str, Path]) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_policy(files.get(name, "nowhere/policy.zip"), algorithm=algorithm, trust_pickle=True)


def test_a_policy_of_ones_own_class(
    cheetah: gymnasium.Env[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_actor.py").write_text(
        "from stable_baselines3.td3.policies import TD3Policy\n\n\nclass Mine(TD3Policy):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine = import_module("my_actor").Mine
    stable_baselines3.TD3(mine, cheetah, policy_kwargs={"net_arch": [4]}, buffer_size=1, device="cpu").save(
        tmp_path / "mine.zip"
    )
    assert isinstance(load_policy(tmp_path / "mine.zip", cheetah, algorithm="TD3", trust_pickle=True).policy, mine)
    with pytest.raises(ConfigurationError, match="name its algorithm"):
        load_policy(tmp_path / "mine.zip", cheetah, trust_pickle=True)
    # As in another process, that has not seen the module yet.
    monkeypatch.delitem(sys.modules, "my_actor")
    with pytest.raises(ConfigurationError, match="trust=my_actor"):
        load_policy(tmp_path / "mine.zip", cheetah, algorithm="TD3", trust_pickle=True)
    assert "my_actor" not in sys.modules


def test_a_damaged_policy_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "policy.zip"
    content = bytearray(files["TD3"].read_bytes())
    # Within the weights: the first entry, which tells the algorithm, stays whole.
    content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
    damaged.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a policy saved by TD3"):
        load_policy(damaged, trust_pickle=True)


def test_another_environment_is_refused(files: dict[str, Path]) -> None:
    with pytest.raises(SpaceMismatchError, match="has"):
        load_policy(files["SAC"], Choices(), trust_pickle=True)


def test_several_have_the_names_that_tell_them_apart(files: dict[str, Path], cheetah: gymnasium.Env[Any, Any]) -> None:
    assert list(load_policies(cheetah, str(files["SAC"]), trust_pickle=True)) == ["policy"]
    both = load_policies(cheetah, [files["TD3"], files["PPO"]], trust_pickle=True)
    assert list(both) == ["TD3/policy", "PPO/policy"]
    assert isinstance(both["PPO/policy"], stable_baselines3.PPO)


@pytest.mark.parametrize("path", [None, []])
def test_no_path_is_refused(path: Any, cheetah: gymnasium.Env[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match="no policy is named"):
        load_policies(cheetah, path)


def test_a_path_twice_is_refused(files: dict[str, Path], cheetah: gymnasium.Env[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match="named twice"):
        load_policies(cheetah, [files["SAC"], files["SAC"]])


@pytest.mark.parametrize("name", ["TD3", "SAC"])
def test_files_with_names_that_classes_had_before_are_read(
    name: str, cheetah: gymnasium.Env[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = DummyVecEnv([lambda: cheetah])
    model = make_algorithm(environment, name, policy_kwargs={"net_arch": [4]}, device="cpu", buffer_size=1)
    folder = "mbrl_mts3.agents.imagination"
    with former_modules(), monkeypatch.context() as patch:
        patch.setattr(type(model.policy), "__module__", f"{folder}.learning_policies")
        patch.setattr(StandardizedObservations, "__module__", f"{folder}.standardized_observations")
        patch.setattr(LayerNormCritic, "__module__", f"{folder}.normalised_critic")
        model.save(tmp_path / "policy.zip")
    with zipfile.ZipFile(tmp_path / "policy.zip") as archive:
        assert f"{folder}.learning_policies" in archive.read("data").decode()
    observation = cheetah.observation_space.sample()
    expected, _ = model.predict(observation, deterministic=True)
    policy = load_policy(tmp_path / "policy.zip", cheetah, trust_pickle=True)
    assert type(policy).__name__ == name
    np.testing.assert_array_equal(policy.predict(observation, deterministic=True)[0], expected)
    assert f"{folder}.learning_policies" not in sys.modules
