"""A world model that speaks physical units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.sampled_step import SampledStep
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.tensor_record import TensorRecord

if TYPE_CHECKING:
    from mbrl_mts3.data.normalizer import Normalizer


class PhysicalModel:
    """A `WorldModel` with its normaliser around it: the same calls, everything in physical units.

    Beliefs are the model's own. Nothing here is differentiated; wrap calls in `torch.no_grad()` where it matters.

    Args:
        model: the world model, normalised units inside.
        normalizer: fitted on the model's training data.
    """

    def __init__(self, model: WorldModel, normalizer: Normalizer) -> None:
        self.model = model
        self.normalizer = normalizer

    @property
    def causal(self) -> bool:
        """See `WorldModel.causal`."""
        return self.model.causal

    def initial_belief(self, batch_size: int) -> TensorRecord:
        """See `WorldModel.initial_belief`."""
        return self.model.initial_belief(batch_size)

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> TensorRecord:
        """See `WorldModel.observe`; physical units."""
        return self.model.observe(
            belief,
            self.normalizer.normalize_observation(observation),
            None if action is None else self.normalizer.normalize_action(action),
            mask,
        )

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[TensorRecord, Prediction]:
        """See `WorldModel.filter`; physical units."""
        after, prediction = self.model.filter(
            self.normalizer.normalize_observation(observations), self.normalizer.normalize_action(actions), mask, belief
        )
        return after, self.normalizer.denormalize_prediction(prediction)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        """See `WorldModel.imagine`; physical units."""
        prediction = self.model.imagine(belief, self.normalizer.normalize_action(actions))
        return self.normalizer.denormalize_prediction(prediction)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        """See `WorldModel.imagine_mean`; physical units."""
        normal = self.model.imagine_mean(belief, self.normalizer.normalize_action(actions))
        reward = normal.reward_mean
        return MeanPrediction(
            self.normalizer.denormalize_observation(normal.mean),
            None if reward is None else self.normalizer.denormalize_reward(reward),
            normal.termination_logit,
        )

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[TensorRecord, Prediction]:
        """See `WorldModel.step`; physical units."""
        after, prediction = self.model.step(belief, self.normalizer.normalize_action(action))
        return after, self.normalizer.denormalize_prediction(prediction)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        """See `WorldModel.sample`; physical units."""
        drawn = self.model.sample(belief, self.normalizer.normalize_action(actions), num_samples, generator)
        return self.normalizer.denormalize_trajectories(drawn)

    def start_sampling(self, belief: TensorRecord, generator: torch.Generator | None = None) -> TensorRecord:
        """See `WorldModel.start_sampling`."""
        return self.model.start_sampling(belief, generator)

    def sample_step(
        self, state: TensorRecord, action: Tensor, generator: torch.Generator | None = None
    ) -> tuple[TensorRecord, SampledStep]:
        """See `WorldModel.sample_step`; physical units."""
        after, step = self.model.sample_step(state, self.normalizer.normalize_action(action), generator)
        return after, self.normalizer.denormalize_step(step)
