"""Conversion between physical and normalised units, and the running moments that it is fitted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import DataError
from mbrl_mts3.predictions import Prediction, SampledStep, Trajectories
from mbrl_mts3.tensor_record import TensorRecord

# A dimension that varies less than this, relative to its size, is constant up to float32 rounding.
_CONSTANT = 1e-6
_SMALLEST_CHANGE = 1e-3


@dataclass(frozen=True, repr=False)
class Normalizer(TensorRecord):
    """Converts between physical and normalised units by mean and standard deviation per dimension, float32.

    All tensors may have any leading batch dimensions.
    """

    observation_mean: Tensor
    """(obs,)."""
    observation_scale: Tensor
    """(obs,), positive."""
    action_mean: Tensor
    """(act,)."""
    action_scale: Tensor
    """(act,), positive."""
    reward_mean: Tensor
    """()."""
    reward_scale: Tensor
    """(), positive."""
    change_scale: Tensor | None = None
    """(obs,): root mean square of the change of an observation in one step, in units of its scale, from 0.001 to 1;
    None for files of earlier versions."""

    @classmethod
    def fit(cls, episodes: Sequence[Episode]) -> Normalizer:
        """Fit to training episodes, read one at a time; dimensions that hardly vary get scale 1.

        Raises:
            DataError: no episodes.
        """
        if not episodes:
            raise DataError("a normalizer needs at least one episode")
        observations, actions, rewards, changes = (RunningMoments() for _ in range(4))
        for episode in episodes:
            observations.add(episode.observations)
            actions.add(episode.actions)
            rewards.add(episode.rewards)
            changes.add(np.diff(episode.observations, axis=0))
        mean, scale = _statistics(observations)
        typical = np.sqrt(np.square(changes.deviation) + np.square(changes.mean)) / scale.numpy()
        change_scale = torch.as_tensor(np.clip(typical, _SMALLEST_CHANGE, 1.0), dtype=torch.float32)
        return cls(mean, scale, *_statistics(actions), *_statistics(rewards), change_scale)

    @classmethod
    def identity(cls, observation_dim: int, action_dim: int) -> Normalizer:
        """A normaliser that changes nothing."""
        observation, action, reward = torch.zeros(observation_dim), torch.zeros(action_dim), torch.zeros(())
        return cls(observation, observation + 1, action, action + 1, reward, reward + 1)

    def normalize_observation(self, observation: Tensor) -> Tensor:
        """Observations (..., obs) in normalised units."""
        return (observation - self.observation_mean) / self.observation_scale

    def denormalize_observation(self, observation: Tensor) -> Tensor:
        """Observations (..., obs) in physical units."""
        return observation * self.observation_scale + self.observation_mean

    def normalize_action(self, action: Tensor) -> Tensor:
        """Actions (..., act) in normalised units."""
        return (action - self.action_mean) / self.action_scale

    def normalize_reward(self, reward: Tensor) -> Tensor:
        """Rewards of any shape in normalised units."""
        return (reward - self.reward_mean) / self.reward_scale

    def denormalize_reward(self, reward: Tensor) -> Tensor:
        """Rewards of any shape in physical units."""
        return reward * self.reward_scale + self.reward_mean

    def denormalize_prediction(self, prediction: Prediction) -> Prediction:
        """A prediction in physical units; termination logits have no unit and stay."""
        mean, variance = prediction.reward_mean, prediction.reward_variance
        epistemic, observation_variance = prediction.epistemic_variance, self.observation_scale.square()
        return replace(
            prediction,
            mean=self.denormalize_observation(prediction.mean),
            variance=prediction.variance * observation_variance,
            reward_mean=None if mean is None else self.denormalize_reward(mean),
            reward_variance=None if variance is None else variance * self.reward_scale.square(),
            epistemic_variance=None if epistemic is None else epistemic * observation_variance,
        )

    def denormalize_step(self, step: SampledStep) -> SampledStep:
        """A sampled step in physical units."""
        return replace(
            step,
            prediction=self.denormalize_prediction(step.prediction),
            observation=self.denormalize_observation(step.observation),
            reward=None if step.reward is None else self.denormalize_reward(step.reward),
        )

    def denormalize_trajectories(self, trajectories: Trajectories) -> Trajectories:
        """Sampled observations and rewards in physical units."""
        rewards = trajectories.rewards
        return replace(
            trajectories,
            observations=self.denormalize_observation(trajectories.observations),
            rewards=None if rewards is None else self.denormalize_reward(rewards),
        )


def _statistics(moments: RunningMoments) -> tuple[Tensor, Tensor]:
    mean, deviation = moments.mean, moments.deviation
    scale = np.where(deviation > _CONSTANT * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
    return torch.as_tensor(mean, dtype=torch.float32), torch.as_tensor(scale, dtype=torch.float32)


class RunningMoments:
    """Mean, deviation and bounds per column of all rows so far, in float64; memory does not grow with them.

    Pieces are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979, which keeps its precision where the mean is large compared with the deviation.

    Rows that hold NaN or infinity are counted and left out.
    """

    def __init__(self) -> None:
        self.count = 0
        self.non_finite = 0
        """Rows left out."""
        self.mean: Array = np.zeros(())
        self.low: Array = np.full((), np.inf)
        self.high: Array = np.full((), -np.inf)
        self._squares: Array = np.zeros(())

    def add(self, rows: Array) -> None:
        """Add rows (N, ...)."""
        rows = np.asarray(rows, np.float64)
        finite = np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
        if not finite.all():
            self.non_finite += int((~finite).sum())
            rows = rows[finite]
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0)
        squares = np.square(rows - mean).sum(axis=0)
        total = self.count + len(rows)
        difference = mean - self.mean
        self._squares = np.asarray(self._squares + squares + np.square(difference) * (self.count * len(rows) / total))
        self.mean = np.asarray(self.mean + difference * (len(rows) / total))
        self.low = np.asarray(np.minimum(self.low, rows.min(axis=0)))
        self.high = np.asarray(np.maximum(self.high, rows.max(axis=0)))
        self.count = total

    @property
    def deviation(self) -> Array:
        """Standard deviation of the population."""
        return np.asarray(np.sqrt(self._squares / max(self.count, 1)))
