"""Wraps a world model: normalises inputs, denormalises predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.predictions import MeanPrediction, Prediction, SampledStep, Trajectories
from mbrl_mts3.tensor_record import TensorRecord

if TYPE_CHECKING:
    from mbrl_mts3.data.normalizer import Normalizer

PRECISIONS = ("float32", "bfloat16")


class PhysicalModel:
    """Wraps a `WorldModel` and its normaliser: the same calls, everything in physical units.

    Beliefs are the model's own. Nothing here is differentiated; wrap calls in `torch.no_grad()` where it matters.

    Args:
        model: the world model, normalised units inside.
        normalizer: fitted on the model's training data.
        precision: "float32", or "bfloat16" for the layers of its networks: about 1.6 times faster where the processor
            knows that type, and good to two or three digits. Beliefs stay as they are.

    Raises:
        ConfigurationError: another precision.
    """

    def __init__(self, model: WorldModel, normalizer: Normalizer, precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            raise ConfigurationError(f"precision={precision!r} is unknown: choose one of {', '.join(PRECISIONS)}")
        # Calls come one step at a time here, and the parameters no longer change.
        self.model = model.prepared()
        self.normalizer = normalizer
        self.precision = precision

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
        seen = self.normalizer.normalize_observation(observation)
        done = None if action is None else self.normalizer.normalize_action(action)
        with self._precision(seen):
            return self.model.observe(belief, seen, done, mask)

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[TensorRecord, Prediction]:
        """See `WorldModel.filter`; physical units."""
        seen, done = self.normalizer.normalize_observation(observations), self.normalizer.normalize_action(actions)
        with self._precision(done):
            after, prediction = self.model.filter(seen, done, mask, belief)
        return after, self.normalizer.denormalize_prediction(prediction)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        """See `WorldModel.imagine`; physical units."""
        plans = self.normalizer.normalize_action(actions)
        with self._precision(plans):
            prediction = self.model.imagine(belief, plans)
        return self.normalizer.denormalize_prediction(prediction)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        """See `WorldModel.imagine_mean`; physical units."""
        plans = self.normalizer.normalize_action(actions)
        with self._precision(plans):
            normal = self.model.imagine_mean(belief, plans)
        reward = normal.reward_mean
        return MeanPrediction(
            self.normalizer.denormalize_observation(normal.mean),
            None if reward is None else self.normalizer.denormalize_reward(reward),
            normal.termination_logit,
        )

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[TensorRecord, Prediction]:
        """See `WorldModel.step`; physical units."""
        done = self.normalizer.normalize_action(action)
        with self._precision(done):
            after, prediction = self.model.step(belief, done)
        return after, self.normalizer.denormalize_prediction(prediction)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        """See `WorldModel.sample`; physical units."""
        plans = self.normalizer.normalize_action(actions)
        with self._precision(plans):
            sampled = self.model.sample(belief, plans, num_samples, generator)
        return self.normalizer.denormalize_trajectories(sampled)

    def start_sampling(self, belief: TensorRecord, generator: torch.Generator | None = None) -> TensorRecord:
        """See `WorldModel.start_sampling`."""
        return self.model.start_sampling(belief, generator)

    def sample_step(
        self, state: TensorRecord, action: Tensor, generator: torch.Generator | None = None
    ) -> tuple[TensorRecord, SampledStep]:
        """See `WorldModel.sample_step`; physical units."""
        done = self.normalizer.normalize_action(action)
        with self._precision(done):
            after, step = self.model.sample_step(state, done, generator)
        return after, self.normalizer.denormalize_step(step)

    def _precision(self, like: Tensor) -> torch.autocast:
        return torch.autocast(like.device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16")
