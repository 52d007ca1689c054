"""IQL against values and policies that are known by arithmetic."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy.stats import expectile as scipy_expectile

from mbrl_mts3.agents.offline import IQL
from mbrl_mts3.agents.offline.iql import expectile_loss, measure_reward_unit
from mbrl_mts3.agents.policy_files import load_policy, save_policy
from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset
from mbrl_mts3.errors import ConfigurationError

Build = Callable[..., Any]
SMALL: dict[str, Any] = {"net_arch": [32], "learning_rate": 0.01, "tau": 0.1}
STATES, GAMMA = 4, 0.7


@pytest.mark.parametrize("expectile", [0.1, 0.5, 0.7, 0.95])
def test_the_loss_is_least_at_the_expectile(expectile: float) -> None:
    targets = np.random.default_rng(0).gamma(1.0, size=200)
    estimate = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([estimate], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = expectile_loss(torch.from_numpy(targets) - estimate, expectile)
        found.backward()
        return found

    optimizer.step(loss)
    assert estimate.item() == pytest.approx(float(scipy_expectile(targets, expectile)), rel=1e-5)
    # The formula of the paper, in numpy.
    errors = targets - 0.3
    by_hand = np.mean(np.abs(expectile - (errors < 0)) * errors**2)
    assert expectile_loss(torch.from_numpy(errors), expectile).item() == pytest.approx(by_hand)


class Chances:
    """A random decision process with two actions, -0.5 and 0.5, of which the data show one alone in the first state."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.rewards = rng.normal(size=(STATES, 2))
        self.rewards[0] = 0.0, 5.0  # The best of all, and not in the data.
        # Ten transitions of each action's go this way.
        self.next = rng.multinomial(10, rng.dirichlet(np.ones(STATES), size=(STATES, 2)))
        # How often the data take an action, in tens.
        self.count = np.array([[2, 0], [1, 3], [2, 2], [3, 1]])

    def dataset(self) -> OfflineDataset:
        episodes = []
        for s, a in np.ndindex(STATES, 2):
            for after in np.repeat(np.arange(STATES), self.next[s, a]).tolist() * self.count[s, a]:
                one = Episode(
                    np.eye(STATES, dtype=np.float32)[[s, after]],
                    np.array([[a - 0.5]], np.float32),
                    self.rewards[s, a, None].astype(np.float32),
                    np.array([False]),
                    np.array([True]),
                )
                episodes.append(one)
        space = spaces.Box(-np.inf, np.inf, (STATES,), np.float64)
        box, selector = spaces.Box(-1, 1, (1,), np.float32), ObservationSelector.from_space(space)
        return OfflineDataset(tuple(episodes), "mine/chances-v0", "0", selector, space, box)

    def q(self, value: np.ndarray) -> np.ndarray:
        return self.rewards + GAMMA * self.next / 10 @ value

    def fixed_point(self, summarise: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
        """V with V(s) = summarise(Q(s, .), how often each action is taken)."""
        value = np.zeros(STATES)
        for _ in range(200):
            value = np.array([summarise(q, n) for q, n in zip(self.q(value), self.count, strict=True)])
        return value


def learned_values(chances: Chances, expectile: float, updates: int, learning_rate: float = 0.003) -> np.ndarray:
    options = {**SMALL, "learning_rate": learning_rate}
    learner = IQL.from_dataset(chances.dataset(), expectile=expectile, gamma=GAMMA, **options)
    learner.train(updates, 256)
    with torch.no_grad():
        return learner.critic.value(torch.eye(STATES))[:, 0].numpy()


def test_at_a_half_it_values_the_policy_of_the_data() -> None:
    chances = Chances()
    policy = chances.count / chances.count.sum(axis=1, keepdims=True)
    # V = r + gamma P V of that policy, solved outright.
    rewards = (policy * chances.rewards).sum(axis=1)
    moves = np.einsum("sa,sat->st", policy, chances.next / 10)
    expected = np.linalg.solve(np.eye(STATES) - GAMMA * moves, rewards)
    np.testing.assert_allclose(learned_values(chances, 0.5, 600), expected, atol=0.1)


def test_at_an_upper_expectile_it_is_the_fixed_point() -> None:
    chances = Chances()
    expected = chances.fixed_point(lambda q, n: float(scipy_expectile(q, 0.9, weights=n)))
    np.testing.assert_allclose(learned_values(chances, 0.9, 600), expected, atol=0.1)


def test_towards_one_it_values_the_best_actions_of_the_data() -> None:
    chances = Chances()
    best = chances.fixed_point(lambda q, n: float(q[n > 0].max()))
    of_all = chances.fixed_point(lambda q, n: float(q.max()))
    found = learned_values(chances, 0.99, 1000, 0.01)
    np.testing.assert_allclose(found, best, atol=0.15)
    assert np.abs(found - of_all).max() > 1  # Value iteration over actions that nobody took.


@pytest.mark.parametrize("inverse_temperature", [0.0, 1.0, 3.0])
def test_the_policy_is_the_mean_weighted_by_exponentiated_advantages(
    data_of: Build, inverse_temperature: float
) -> None:
    """One state, three actions that end the episode: all of it is known."""
    actions, rewards, count = np.array([-0.6, 0.1, 0.7]), np.array([0.0, 1.0, 0.5]), np.array([3, 1, 2])
    data = data_of(np.zeros((6, 1)), np.repeat(actions, count)[:, None], np.repeat(rewards, count), True)
    learner = IQL.from_dataset(data, inverse_temperature=inverse_temperature, reward_unit=0.5, **SMALL)
    learner.train(600, 128)
    advantages = (rewards - float(scipy_expectile(rewards, 0.7, weights=count))) / 0.5
    weights = count * np.exp(inverse_temperature * advantages)
    mean = np.average(actions, weights=weights)
    spread = np.sqrt(np.average((actions - mean) ** 2, weights=weights))
    assert float(learner.predict(np.zeros(1))[0][0]) == pytest.approx(mean, abs=0.05)
    assert learner.actor.log_std.exp().item() == pytest.approx(spread, abs=0.05)


def test_no_weight_is_above_a_hundred(data_of: Build) -> None:
    data = data_of(np.zeros((2, 1)), np.array([[-0.5], [0.5]]), np.array([0.0, 1.0]), True)
    learner = IQL.from_dataset(data, inverse_temperature=1e6, **SMALL)
    learner.train(100, 32)
    learner.logger.dump()
    learner.train(1, 4096)
    assert 30 < learner.logger.name_to_value["train/weight"] < 70  # Half of the batch at 100, the other at 0.


def test_the_unit_of_rewards_changes_the_values_alone(data_of: Build) -> None:
    rng = np.random.default_rng(0)
    observations, actions, rewards = rng.normal(size=(50, 2)), rng.uniform(-1, 1, (50, 1)), rng.normal(size=50)
    found = []
    for unit in (1.0, 1024.0):
        learner = IQL.from_dataset(data_of(observations, actions, unit * rewards, True), **SMALL)
        learner.train(50, 16)
        with torch.no_grad():
            q, _ = learner.critic(torch.zeros(1, 2), torch.zeros(1, 1))
            first = learner.critic.q1_forward(torch.zeros(1, 2), torch.zeros(1, 1))
        assert torch.equal(q, first)
        found.append((learner.predict(np.zeros(2))[0], q.item()))
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-3)
    assert found[1][1] == pytest.approx(1024 * found[0][1], rel=1e-2)


def test_the_unit_is_the_span_of_the_returns_by_step() -> None:
    chances = Chances().dataset()
    one = chances.episodes[0]
    long = Episode(
        np.repeat(one.observations, 3, axis=0)[:5],
        np.repeat(one.actions, 4, axis=0),
        np.array([1.0, 2.0, 3.0, 4.0], np.float32),
        np.zeros(4, bool),
        np.array([False, False, False, True]),
    )
    short = replace(one, rewards=np.array([-2.0], np.float32))
    assert measure_reward_unit(replace(chances, episodes=(long, short))) == (10 + 2) / 4
    assert measure_reward_unit(replace(chances, episodes=(short, short))) == 1.0
    learner = IQL.from_dataset(replace(chances, episodes=(long, short)), **SMALL)
    assert learner.critic.reward_unit.item() == learner.critic_target.reward_unit.item() == 3.0


def test_a_stored_critic_keeps_the_unit(tmp_path: Path, data_of: Build) -> None:
    data = data_of(np.eye(3), np.eye(3), np.ones(3), True)
    learner = IQL.from_dataset(data, reward_unit=7.0, **SMALL)
    loaded: Any = load_policy(save_policy(learner, tmp_path / "policy.zip"))
    observation, action = torch.eye(3), torch.zeros(3, 3)
    with torch.no_grad():
        features = loaded.critic.extract_features(observation, loaded.critic.features_extractor)
        by_hand = 7 * loaded.critic.qf0(torch.cat([features, action], dim=1))
        torch.testing.assert_close(loaded.critic(observation, action)[0], by_hand)
        torch.testing.assert_close(loaded.critic.value(observation), learner.critic.value(observation))


@pytest.mark.parametrize(
    ("option", "value"),
    [("expectile", 0.0), ("expectile", 1.0), ("inverse_temperature", -1.0), ("reward_unit", 0.0)],
)
def test_numbers_out_of_range_are_refused(data_of: Build, option: str, value: float) -> None:
    data = data_of(np.zeros((1, 1)), np.zeros((1, 1)), np.ones(1), True)
    with pytest.raises(ConfigurationError, match=option):
        IQL.from_dataset(data, **{option: value})
