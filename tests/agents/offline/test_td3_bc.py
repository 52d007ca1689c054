"""TD3+BC against tasks whose best policy and values are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from imagined_worlds import dataset_of
from stable_baselines3 import TD3

from mbrl_mts3.agents.offline import TD3BC
from mbrl_mts3.errors import ConfigurationError, NonFiniteError

Build = Callable[..., Any]
SMALL: dict[str, Any] = {"net_arch": [32], "learning_rate": 0.01, "tau": 0.1}


def losses(learner: TD3BC) -> dict[str, float]:
    return {name.removeprefix("train/"): float(value) for name, value in learner.logger.name_to_value.items()}


def test_cloning_finds_the_datas_policy(data_of: Build) -> None:
    rng = np.random.default_rng(0)
    observations = rng.normal(50, 20, (500, 2))
    # Both bounds lie at 2: the policy must find physical actions.
    actions = 2 * np.tanh((observations[:, :1] - observations[:, 1:]) / 40)
    data = data_of(observations, actions, np.zeros(500), True, bound=2.0)
    learner = TD3BC.from_dataset(data, alpha=0, policy_delay=1, **SMALL)
    critic = [parameter.clone() for parameter in learner.critic.parameters()]
    learner.train(400, 64)
    chosen, _ = learner.predict(observations)
    assert np.abs(chosen - actions).mean() < 0.05
    assert all(torch.equal(now, then) for now, then in zip(learner.critic.parameters(), critic, strict=True))
    assert set(losses(learner)) == {"cloning_loss", "learning_rate"}


def test_the_critic_leads_to_better_actions_than_the_datas(data_of: Build) -> None:
    """Rewards are highest at 0.5, the data's actions are 0 on average; the weight of the critic decides."""
    rng = np.random.default_rng(0)
    observations, actions = rng.normal(size=(500, 1)), rng.uniform(-1, 1, (500, 1))
    data = data_of(observations, actions, 1 - (actions[:, 0] - 0.5) ** 2, True)
    found = {}
    for alpha in (0.0, 1.0, 50.0):
        learner = TD3BC.from_dataset(data, alpha=alpha, **SMALL)
        learner.train(400, 64)
        found[alpha] = float(learner.predict(np.zeros(1))[0][0])
    assert abs(found[0.0]) < 0.1
    assert found[50.0] == pytest.approx(0.5, abs=0.1)
    assert found[0.0] + 0.1 < found[1.0] < found[50.0]


@pytest.mark.parametrize(("ended", "value"), [(True, 1.0), (False, 2.0)])
def test_values_go_on_where_an_episode_was_cut_only(data_of: Build, ended: bool, value: float) -> None:
    """One state, a reward of 1 for ever, gamma 1/2: worth 2, or 1 where the episode ends."""
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1), ended)
    learner = TD3BC.from_dataset(data, gamma=0.5, target_policy_noise=0.0, **SMALL)
    learner.train(300, 8)
    first, second = learner.critic(torch.zeros(1, 1), torch.zeros(1, 1))
    assert first.item() == pytest.approx(value, abs=0.1)
    assert second.item() == pytest.approx(value, abs=0.1)


@pytest.mark.parametrize("reward", [1.0, 1000.0])
def test_the_critics_weight_does_not_depend_on_the_unit_of_rewards(data_of: Build, reward: float) -> None:
    """Where all of a batch is one transition of positive value, mean Q / mean |Q| is 1."""
    data = data_of(np.zeros((1, 1)), np.full((1, 1), 0.3), np.full(1, reward), True)
    learner = TD3BC.from_dataset(data, alpha=2.5, **SMALL)
    learner.train(100, 4)
    learner.logger.dump()
    learner.train(2, 4)
    found = losses(learner)
    assert found["q"] > 0
    assert found["actor_loss"] == pytest.approx(found["cloning_loss"] - 2.5, abs=1e-5)


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "PointMaze_UMaze-v3"])
def test_the_zip_is_one_of_td3_and_acts_on_raw_observations(tmp_path: Path, env_id: str) -> None:
    data = dataset_of(env_id, "everything", episodes=2, steps=20)
    learner = TD3BC.from_dataset(data, net_arch=[8])
    learner.train(3, 16)
    learner.save(tmp_path / "policy.zip")
    loaded = TD3.load(tmp_path / "policy.zip", device="cpu")
    assert loaded.observation_space == data.observation_space
    raw = data.observation_space.sample()
    action, _ = loaded.predict(raw)
    np.testing.assert_array_equal(action, learner.predict(raw)[0])
    # By hand: the features are what the paper says they are.
    everything = np.concatenate([episode.observations[:-1] for episode in data.episodes]).astype(np.float64)
    expected = (data.selector(raw) - everything.mean(axis=0)) / (everything.std(axis=0) + 1e-3)
    seen, _ = loaded.policy.obs_to_tensor(raw)
    with torch.no_grad():
        features = loaded.actor.extract_features(seen, loaded.actor.features_extractor)
        by_hand = loaded.actor.mu(torch.tensor(expected, dtype=torch.float32)[None])
    np.testing.assert_allclose(features[0].numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(action, by_hand[0].numpy(), atol=1e-4)


def test_equal_seeds_give_equal_policies(data_of: Build) -> None:
    data = data_of(np.eye(3), np.eye(3), np.ones(3), True)

    def first_weight(seed: int) -> torch.Tensor:
        learner = TD3BC.from_dataset(data, seed=seed, **SMALL)
        learner.train(5, 4)
        return next(learner.actor.mu.parameters()).detach()

    assert torch.equal(first_weight(1), first_weight(1))
    assert not torch.equal(first_weight(1), first_weight(2))


def test_a_negative_weight_and_values_without_bounds_are_refused(data_of: Build) -> None:
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)), np.full(1, 3e38), True)
    with pytest.raises(ConfigurationError, match="alpha"):
        TD3BC.from_dataset(data, alpha=-1)
    with pytest.raises(NonFiniteError, match=r"critic_loss is (nan|inf)"):
        TD3BC.from_dataset(data, **SMALL).train(5, 4)
