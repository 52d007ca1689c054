"""Which output of a decoder means what."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories


@dataclass(frozen=True)
class OutputColumns:
    """The outputs of a decoder: the observation, then the reward, then the logit of termination.

    The observation itself is handed over apart from the outputs, since models may predict its change.

    Args:
        observation_dim: size of an observation.
        reward, termination: whether the decoder has these.
    """

    observation_dim: int
    reward: bool
    termination: bool

    @property
    def means(self) -> int:
        """How many outputs there are."""
        return self.variances + self.termination

    @property
    def variances(self) -> int:
        """How many of them, the first ones, have a variance."""
        return self.observation_dim + self.reward

    def prediction(
        self,
        observation: Float[Tensor, "*batch obs"],
        outputs: Float[Tensor, "*batch outputs"],
        variances: Float[Tensor, "*batch variances"],
    ) -> Prediction:
        """All that is predicted; `observation` is its mean."""
        return Prediction(
            mean=observation,
            variance=variances[..., : self.observation_dim].contiguous(),
            reward_mean=self._reward(outputs),
            reward_variance=self._reward(variances),
            termination_logit=self._termination(outputs),
        )

    def mean_prediction(
        self, observation: Float[Tensor, "*batch obs"], outputs: Float[Tensor, "*batch outputs"]
    ) -> MeanPrediction:
        """The same without variances."""
        return MeanPrediction(observation, self._reward(outputs), self._termination(outputs))

    def trajectories(
        self,
        observation: Float[Tensor, "*batch obs"],
        outputs: Float[Tensor, "*batch outputs"],
        deviations: Float[Tensor, "*batch variances"],
        generator: torch.Generator | None,
    ) -> Trajectories:
        """Futures with the sampled `observation`; `deviations` are draws of what lies around the outputs."""
        terminations, logit = None, self._termination(outputs)
        if logit is not None:
            chance = torch.sigmoid(logit)
            drawn = torch.rand(chance.shape, dtype=chance.dtype, device=chance.device, generator=generator)
            terminations = drawn < chance
        rewards = self._reward(outputs[..., : self.variances] + deviations)
        return Trajectories(observation, rewards, terminations)

    def _reward(self, outputs: Tensor) -> Tensor | None:
        return outputs[..., self.observation_dim] if self.reward else None

    def _termination(self, outputs: Tensor) -> Tensor | None:
        return outputs[..., -1] if self.termination else None
