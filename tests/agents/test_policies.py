"""Small files of policies act as the large ones that they were made from."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from safetensors.numpy import save_file
from stable_baselines3 import SAC
from torch import nn

from mbrl_mts3.agents.behaviour import PolicyBehaviour
from mbrl_mts3.agents.policies import SquashedGaussianPolicy, export_sac_actor, load_shipped_policy, shipped_policies
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError

NAMES = ["half_cheetah_best", "half_cheetah_expert", "half_cheetah_medium", "half_cheetah_simple"]


class Still(gymnasium.Env[Any, Any]):
    """Nothing happens; actions have bounds of their own in each dimension."""

    observation_space = spaces.Box(-1, 1, (3,), np.float32)
    action_space = spaces.Box(np.array([-2, 10], np.float32), np.array([2, 30], np.float32))


def untrained(**policy_kwargs: Any) -> SAC:
    return SAC("MlpPolicy", Still(), buffer_size=1, seed=0, policy_kwargs={"net_arch": [16, 8], **policy_kwargs})


@pytest.fixture(scope="module")
def model() -> SAC:
    return untrained()


@pytest.fixture
def observations() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform(-3, 3, (40, 3)).astype(np.float32)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float16", 5e-3)])
def test_the_file_acts_as_the_model(
    tmp_path: Path, model: SAC, observations: np.ndarray[Any, Any], dtype: str, tolerance: float
) -> None:
    """Stable-Baselines3's own prediction is the oracle, bounds of actions included."""
    export_sac_actor(model, tmp_path / "policy.safetensors", dtype=dtype, seed="0")
    expected, _ = model.predict(observations, deterministic=True)
    behaviour = PolicyBehaviour(Still(), tmp_path / "policy.safetensors", deterministic=True)
    np.testing.assert_allclose(behaviour(observations), expected, atol=20 * tolerance)
    assert load_shipped_policy(tmp_path / "policy.safetensors").metadata["seed"] == "0"
    assert [path.name for path in tmp_path.iterdir()] == ["policy.safetensors"]


def test_actions_are_sampled_from_the_model_s_distribution(tmp_path: Path, model: SAC) -> None:
    export_sac_actor(model, tmp_path / "policy.safetensors", dtype="float32")
    observation = np.array([0.5, -1.0, 2.0], np.float32)
    policy, generator = load_shipped_policy(tmp_path / "policy.safetensors"), np.random.default_rng(0)
    ours = np.arctanh(policy(np.tile(observation, (20_000, 1)), generator))
    mean, log_std, _ = model.actor.get_action_dist_params(model.policy.obs_to_tensor(observation)[0])
    np.testing.assert_allclose(ours.mean(axis=0), mean[0].detach(), atol=0.05)
    np.testing.assert_allclose(ours.std(axis=0), log_std[0].exp().detach(), rtol=0.05)


def test_equal_seeds_give_equal_actions(tmp_path: Path, model: SAC, observations: np.ndarray[Any, Any]) -> None:
    export_sac_actor(model, tmp_path / "policy.safetensors")
    behaviour, sampled = PolicyBehaviour(Still(), tmp_path / "policy.safetensors"), []
    for seed in (1, 1, 2):
        behaviour.reset(seed)
        sampled.append(behaviour(observations))
    np.testing.assert_array_equal(sampled[0], sampled[1])
    assert np.abs(sampled[0] - sampled[2]).max() > 0.1
    assert all(Still.action_space.contains(action) for action in sampled[0])


def test_shipped_policies_are_small_and_say_where_they_come_from() -> None:
    files = shipped_policies()
    assert list(files) == NAMES
    for path in files.values():
        assert path.stat().st_size < 200_000
        policy = SquashedGaussianPolicy.load(path)
        assert (policy.observation_dim, policy.action_dim) == (17, 6)
        assert policy.metadata["environment"] == "HalfCheetah-v5"
        assert {"algorithm", "library", "seed", "steps"} <= policy.metadata.keys()
        assert "steps='" in repr(policy)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("simple", 300, 750), ("medium", 900, 1400), ("best", 1000, 1500), ("expert", 2000, 2900)],
)
def test_shipped_policies_run_as_fast_as_their_table_says(name: str, lowest: float, highest: float) -> None:
    """A quarter of an episode, which pays about a quarter: the table of README.md has whole ones."""
    environment = make_environment("HalfCheetah-v5", max_episode_steps=250)
    behaviour = PolicyBehaviour(environment, f"half_cheetah_{name}", deterministic=True)
    total, ended = 0.0, False
    observation, _ = environment.reset(seed=0)
    while not ended:
        observation, reward, terminated, truncated, _ = environment.step(behaviour(observation))
        total, ended = total + float(reward), terminated or truncated
    environment.close()
    assert lowest < total < highest


def test_an_unknown_policy_names_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"nearest first: half_cheetah_medium"):
        load_shipped_policy("half_cheetah_medum")


def test_a_file_without_a_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no tensors")
    save_file({"mean.weight": np.zeros((2, 3), np.float32)}, tmp_path / "half")
    for name in ("text", "half"):
        with pytest.raises(ConfigurationError, match="holds no policy"):
            load_shipped_policy(tmp_path / name)


def test_another_environment_is_refused() -> None:
    with pytest.raises(SpaceMismatchError, match="use it in HalfCheetah-v5"):
        PolicyBehaviour(Still(), "half_cheetah_medium")


@pytest.mark.parametrize("policy_kwargs", [{"activation_fn": nn.Tanh}, {"use_sde": True}])
def test_an_actor_of_another_kind_is_not_written(tmp_path: Path, policy_kwargs: dict[str, Any]) -> None:
    other = (
        SAC("MlpPolicy", Still(), buffer_size=1, use_sde=True)
        if "use_sde" in policy_kwargs
        else untrained(**policy_kwargs)
    )
    with pytest.raises(ConfigurationError, match="only the actor of MlpPolicy"):
        export_sac_actor(other, tmp_path / "policy.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_overwritten(tmp_path: Path, model: SAC) -> None:
    path = tmp_path / "policy.safetensors"
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match="is there already"):
        export_sac_actor(model, path)
    assert path.read_text() == "precious"
