"""The fitted reward, against rewards that are known functions of the transition."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.tasks import FittedRewardTask
from mbrl_mts3.errors import ConfigurationError, DataError

SELECTOR = ObservationSelector.from_space(Box(-np.inf, np.inf, (3,)))
Reward = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def progress(before: np.ndarray, action: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Like many locomotion rewards: speed along an axis less the cost of actions, in units far from one."""
    return 300 + 2000 * (after[:, 0] - before[:, 0]) - 5 * np.square(action).sum(axis=1)


def episodes(reward: Reward, count: int = 4, length: int = 250, seed: int = 0) -> list[Episode]:
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        steps = 0.01 * rng.normal(size=(length + 1, 3))
        observations = (steps.cumsum(axis=0) + np.array([5.0, -3.0, 0.0])).astype(np.float32)
        actions = rng.uniform(-2, 2, size=(length, 2)).astype(np.float32)
        found.append(
            Episode(
                observations=observations,
                actions=actions,
                rewards=reward(observations[:-1], actions, observations[1:]).astype(np.float32),
                terminations=np.zeros(length, bool),
                truncations=np.arange(length) == length - 1,
                episode_id=number,
            )
        )
    return found


def held_out_error(task: FittedRewardTask, reward: Reward) -> float:
    """Share of the variance of rewards that is missed on episodes of another seed."""
    missed, every = [], []
    for episode in episodes(reward, seed=1):
        before, after = (torch.from_numpy(part) for part in (episode.observations[:-1], episode.observations[1:]))
        function = task.reward_function({}, SELECTOR)
        missed.append(function(before, torch.from_numpy(episode.actions), after).numpy() - episode.rewards)
        every.append(episode.rewards)
    return float(np.square(np.concatenate(missed)).mean() / np.concatenate(every).var())


def test_a_reward_that_depends_on_small_changes_is_found() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = FittedRewardTask(hidden=64, updates=1500).fit(episodes(progress))
    # The best linear function of the transition misses 0.15.
    assert held_out_error(task, progress) < 0.03


def test_a_reward_without_variance_is_found() -> None:
    def constant(before: np.ndarray, action: np.ndarray, after: np.ndarray) -> np.ndarray:
        return np.full(len(action), -1.0)

    (data,) = episodes(constant, count=1)
    reward = FittedRewardTask(hidden=16, updates=300).fit([data]).reward_function({}, SELECTOR)
    observation = torch.from_numpy(data.observations)
    found = reward(observation[:-1], torch.from_numpy(data.actions), observation[1:])
    assert found.tolist() == pytest.approx([-1.0] * len(data), abs=0.3)


def test_a_reward_of_something_else_is_told_of() -> None:
    noise = np.random.default_rng(2)
    data = episodes(lambda before, action, after: noise.normal(size=len(action)))
    with pytest.warns(UserWarning, match=r"misses \d+% of the variance"):
        FittedRewardTask(hidden=16, updates=50).fit(data)


def test_the_fit_is_one_of_its_seed_and_leaves_other_generators_alone() -> None:
    data = episodes(progress, count=1)
    torch.manual_seed(3)
    first, second, third = (
        FittedRewardTask(hidden=8, updates=20, seed=seed).fit(data).reward_function({}, SELECTOR) for seed in (0, 0, 1)
    )
    here = torch.rand(3)
    transition = torch.zeros(5, 3), torch.ones(5, 2), torch.ones(5, 3)
    assert torch.equal(first(*transition), second(*transition))
    assert not torch.equal(first(*transition), third(*transition))
    torch.manual_seed(3)
    assert torch.equal(here, torch.rand(3))


def test_planners_can_follow_its_gradient_and_use_any_leading_dimensions() -> None:
    task = FittedRewardTask(hidden=64, updates=800).fit(episodes(progress))
    reward = task.reward_function({}, SELECTOR)
    action = torch.full((2, 4, 7, 2), 1.5, requires_grad=True)
    observation = torch.tensor([5.0, -3.0, 0.0]).expand(2, 4, 7, 3)
    found = reward(observation, action, observation)
    assert found.shape == (2, 4, 7)
    found.sum().backward()
    assert action.grad is not None
    # Larger actions cost more.
    assert (action.grad < 0).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"call task\.fit"):
        FittedRewardTask().reward_function({}, SELECTOR)
    with pytest.raises(ConfigurationError, match="updates=0"):
        FittedRewardTask(updates=0)
    with pytest.raises(DataError, match="at least 20 transitions"):
        FittedRewardTask().fit(episodes(progress, count=1, length=19))
