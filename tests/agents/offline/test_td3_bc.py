"""TD3+BC against tasks whose best policy and values are known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mbrl_mts3.agents.offline import TD3BC
from mbrl_mts3.errors import ConfigurationError

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


def test_a_negative_weight_is_refused(data_of: Build) -> None:
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1), True)
    with pytest.raises(ConfigurationError, match="alpha"):
        TD3BC.from_dataset(data, alpha=-1)
