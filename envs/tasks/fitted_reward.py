"""The task of a reward that is fitted to the data, as a function of observation, action and next observation."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.networks import MLPWithLinearPath

# Every so many transitions one is held out of the fit, to tell how good it is.
_HELD_OUT = 10
# From this share of the rewards' variance on, a user is told that the fit is poor.
_POOR = 0.05
_BATCH = 512


class FittedRewardTask(Task):
    """The task of rewards r(o_t, a_t, o_{t+1}) that a small network learned from the data.

    A world model has to predict the reward beside everything else; told the transition, a network has only to look it
    up. On HalfCheetah replay its squared error is a fifteenth of that of a world model's reward head
    (docs/policy_learning.md). The network has a linear path, since many rewards are linear in most of what they depend
    on. Episodes end by the model's termination head, where it has one.

    Args:
        hidden: units of the two hidden layers.
        updates: of Adam, 512 transitions each.
        learning_rate: at first; it falls to zero on a straight line.
        seed: of weights and batches.
        reward: fitted already; None before `fit`.
    """

    name = "the fitted reward"
    learns = True

    def __init__(
        self,
        hidden: int = 100,
        updates: int = 3000,
        learning_rate: float = 0.002,
        seed: int = 0,
        reward: FittedReward | None = None,
    ) -> None:
        if hidden < 1 or updates < 1 or learning_rate <= 0:
            raise ConfigurationError(
                f"expected hidden and updates of at least 1 and a positive learning_rate, got hidden={hidden}, "
                f"updates={updates}, learning_rate={learning_rate}"
            )
        self.hidden, self.updates, self.learning_rate, self.seed = hidden, updates, learning_rate, seed
        self.reward = reward

    def fit(self, episodes: Sequence[Episode]) -> FittedRewardTask:
        """Return the task with a reward that is fitted to the transitions of these episodes.

        Every tenth transition is held out; a fit that misses more than 5% of its rewards' variance is told of in a
        warning: then the reward is no function of what the model observes.

        Raises:
            DataError: fewer than 20 transitions, or rewards that are not finite.
        """
        before, action, after, reward = _transitions(episodes)
        if len(reward) < 2 * _HELD_OUT or not bool(reward.isfinite().all()):
            raise DataError(
                f"a reward is fitted to at least {2 * _HELD_OUT} transitions with finite rewards, got {len(reward)}, "
                f"{int((~reward.isfinite()).sum())} of them not finite: check the data with mts3-data check"
            )
        held = torch.arange(len(reward)) % _HELD_OUT == _HELD_OUT - 1
        fitted = _fit((before[~held], action[~held], after[~held], reward[~held]), Normalizer.fit(episodes), self)
        missed = (fitted(before[held], action[held], after[held]) - reward[held]).square().mean()
        if missed > _POOR * reward.var():
            warnings.warn(
                f"the fitted reward misses {float(missed / reward.var()):.0%} of the variance of rewards: it is "
                "hardly a function of what the model observes. Let the model see more (observation=all), or take "
                "task=learned_reward, whose model remembers the past",
                stacklevel=2,
            )
        return FittedRewardTask(self.hidden, self.updates, self.learning_rate, self.seed, fitted)

    def reward_function(self, observation: Any, selector: ObservationSelector) -> FittedReward:
        if self.reward is None:
            raise ConfigurationError("the reward is not fitted yet: call task.fit(episodes) first")
        return self.reward


@dataclass(frozen=True, eq=False, repr=False)
class FittedReward:
    """The reward function of a `FittedRewardTask`, with a network on normalised inputs."""

    network: MLPWithLinearPath
    normalizer: Normalizer

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """Rewards (...) of transitions from (..., obs) by (..., act) to (..., obs), all in physical units."""
        scale = self.normalizer
        assert scale.change_scale is not None, "Normalizer.fit sets it"
        inputs = (
            scale.normalize_observation(observation),
            scale.normalize_action(action),
            (next_observation - observation) / (scale.observation_scale * scale.change_scale),
        )
        found: Tensor = scale.denormalize_reward(self.network(torch.cat(inputs, dim=-1)).squeeze(-1))
        return found


_Rows = tuple[Tensor, Tensor, Tensor, Tensor]
"""o_t (N, obs), a_t (N, act), o_{t+1} (N, obs), r_t (N,)."""


def _transitions(episodes: Sequence[Episode]) -> _Rows:
    def joined(parts: Iterable[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.concatenate(list(parts)), dtype=torch.float32)

    return (
        joined(episode.observations[:-1] for episode in episodes),
        joined(episode.actions for episode in episodes),
        joined(episode.observations[1:] for episode in episodes),
        joined(episode.rewards for episode in episodes),
    )


def _fit(rows: _Rows, normalizer: Normalizer, task: FittedRewardTask) -> FittedReward:
    """Minimise the squared error of normalised rewards; the global generator stays as it is."""
    observation, action, after, reward = rows
    target = normalizer.normalize_reward(reward)
    with torch.random.fork_rng(devices=[]), torch.inference_mode(mode=False), torch.enable_grad():
        torch.manual_seed(task.seed)
        inputs = 2 * observation.shape[-1] + action.shape[-1]
        fitted = FittedReward(MLPWithLinearPath(inputs, (task.hidden, task.hidden), 1), normalizer)
        adam = torch.optim.Adam(fitted.network.parameters())
        for update in range(task.updates):
            adam.param_groups[0]["lr"] = task.learning_rate * (1 - update / task.updates)
            batch = torch.randint(len(reward), (_BATCH,))
            found = normalizer.normalize_reward(fitted(observation[batch], action[batch], after[batch]))
            adam.zero_grad()
            (found - target[batch]).square().mean().backward()
            adam.step()
    fitted.network.eval().requires_grad_(False)
    return fitted
