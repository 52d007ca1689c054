"""A wrapper that corrects predicted variances, by open-loop horizon, after training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.predictions import MeanPrediction, Prediction, SampledStep, Trajectories
from mbrl_mts3.tensor_record import TensorRecord


class RecalibratedModel(WorldModel):
    """Wraps a world model: multiplies the variances of its predictions by the factors of a `Recalibration`.

    Its beliefs carry the number of steps since the last observation, so that each prediction gets the factor of its
    own horizon: along a filter with missing observations, in an open loop, for elements of one batch that have been
    unobserved for different times. Means, termination and samples are the model's own.

    Args:
        model: in normalised units.
        recalibration: fitted for this model.

    Raises:
        ShapeError: the factors do not fit the model, or one is not positive.
    """

    def __init__(self, model: WorldModel, recalibration: Recalibration) -> None:
        super().__init__(
            model.observation_dim,
            model.action_dim,
            predict_reward=model.predict_reward,
            predict_termination=model.predict_termination,
        )
        recalibration.check(model.observation_dim, predict_reward=model.predict_reward)
        self.model = model
        self.register_buffer("observation_factors", recalibration.observation)
        self.register_buffer("reward_factors", recalibration.reward)

    @property
    def recalibration(self) -> Recalibration:
        """The factors, on the device and in the precision of the model."""
        return Recalibration(self.get_buffer("observation_factors"), getattr(self, "reward_factors", None))

    @property
    def causal(self) -> bool:
        return self.model.causal

    @property
    def period(self) -> int:
        return self.model.period

    def arguments(self) -> dict[str, object]:
        return self.model.arguments()

    def prepared(self) -> RecalibratedModel:
        twin = RecalibratedModel(self.model.prepared(), self.recalibration)
        return twin.train(self.training)

    def initial_belief(self, batch_size: int) -> RecalibratedBelief:
        belief = self.model.initial_belief(batch_size)
        device = self.get_buffer("observation_factors").device
        return RecalibratedBelief(belief, torch.zeros(batch_size, dtype=torch.int64, device=device))

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> RecalibratedBelief:
        known = _checked(belief)
        after = self.model.observe(known.belief, observation, action, mask)
        unobserved = known.unobserved if action is None else known.unobserved + 1
        zero = torch.zeros_like(unobserved)
        return RecalibratedBelief(after, zero if mask is None else torch.where(mask, zero, unobserved))

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[RecalibratedBelief, Prediction]:
        start = self.initial_belief(len(observations)) if belief is None else _checked(belief)
        after, prediction = self.model.filter(observations, actions, mask, start.belief)
        horizons = _filter_horizons(start.unobserved, observations.shape[1], mask)
        return RecalibratedBelief(after, horizons[:, -1]), self._scaled(prediction, horizons)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        known = _checked(belief)
        steps = torch.arange(1, actions.shape[-2] + 1, device=known.unobserved.device)
        horizons = known.unobserved[:, None] + steps
        # Candidates of one belief share its horizons.
        horizons = horizons[:, None].expand(actions.shape[:-1]) if actions.ndim == 4 else horizons
        return self._scaled(self.model.imagine(known.belief, actions), horizons)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        return self.model.imagine_mean(_checked(belief).belief, actions)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[RecalibratedBelief, Prediction]:
        known = _checked(belief)
        after, prediction = self.model.step(known.belief, action)
        unobserved = known.unobserved + 1
        return RecalibratedBelief(after, unobserved), self._scaled(prediction, unobserved[:, None])

    def start_sampling(self, belief: TensorRecord, generator: torch.Generator | None = None) -> TensorRecord:
        return self.model.start_sampling(_checked(belief).belief, generator)

    def sample_step(
        self, state: TensorRecord, action: Tensor, generator: torch.Generator | None = None
    ) -> tuple[TensorRecord, SampledStep]:
        return self.model.sample_step(state, action, generator)

    def observe_sample(self, belief: TensorRecord, observation: Tensor) -> RecalibratedBelief:
        known = _checked(belief)
        # Nothing was observed: the horizon counts on from the last real observation.
        return RecalibratedBelief(self.model.observe_sample(known.belief, observation), known.unobserved)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        return self.model.sample(_checked(belief).belief, actions, num_samples, generator)

    def _scaled(self, prediction: Prediction, horizons: Tensor) -> Prediction:
        """Multiply by the factors of `horizons`, of the prediction's batch and time shape."""
        factors = self.recalibration.at(horizons)
        reward, epistemic = prediction.reward_variance, prediction.epistemic_variance
        return replace(
            prediction,
            variance=prediction.variance * factors.observation,
            epistemic_variance=None if epistemic is None else epistemic * factors.observation,
            reward_variance=reward if reward is None or factors.reward is None else reward * factors.reward,
        )


def _filter_horizons(unobserved: Tensor, length: int, mask: Tensor | None) -> Tensor:
    """Horizons (B, T): steps from the last observation up to t to the predicted o_{t+1}; `unobserved` at the start."""
    steps = torch.arange(length, device=unobserved.device).expand(len(unobserved), length)
    if mask is None:
        return torch.ones_like(steps)
    # Before the first one shown here, the last one lies before the sequence.
    before = (-unobserved)[:, None]
    latest = torch.where(mask, steps, before).cummax(dim=1).values
    return steps - latest + 1


def _checked(belief: TensorRecord) -> RecalibratedBelief:
    if not isinstance(belief, RecalibratedBelief):
        raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
    return belief


@dataclass(frozen=True, repr=False)
class Recalibration(TensorRecord):
    """Factors that predicted variances are multiplied by; means stay as they are.

    Entry h - 1 is for predictions of the observation h steps after the last one that was seen; beyond the last entry
    the last one holds. A factor has no unit, so it holds in normalised and in physical units. Made by
    `fit_recalibration`, used by `RecalibratedModel`.
    """

    observation: Tensor
    """(H, obs), positive."""
    reward: Tensor | None = None
    """(H,), positive; None for a model without a reward head."""

    def __len__(self) -> int:
        """Number of horizons that have factors of their own."""
        return len(self.observation)

    def check(self, observation_dim: int, *, predict_reward: bool) -> None:
        """Raise ShapeError unless this fits a model of that kind and every factor is positive and finite."""
        reward = (len(self.observation),) if predict_reward else None
        found = None if self.reward is None else tuple(self.reward.shape)
        if self.observation.ndim != 2 or not len(self) or self.observation.shape[1] != observation_dim:
            raise ShapeError(
                f"a recalibration of {observation_dim} observations needs factors (horizons, {observation_dim}), "
                f"got {tuple(self.observation.shape)}"
            )
        if found != reward:
            raise ShapeError(f"a recalibration of this model needs reward factors of shape {reward}, got {found}")
        if not all(bool((torch.isfinite(factors) & (factors > 0)).all()) for factors in self.tensors()):
            raise ShapeError("a recalibration needs factors that are positive and finite")

    def at(self, horizons: Tensor) -> Recalibration:
        """The factors at each of `horizons`, integers from 1 of any shape: (..., obs) and (...)."""
        return self[(horizons - 1).clamp(0, len(self) - 1)]


@dataclass(frozen=True, repr=False)
class RecalibratedBelief(TensorRecord):
    """The belief of a `RecalibratedModel` at step t, of batch size B."""

    belief: TensorRecord
    """The model's own."""
    unobserved: Tensor
    """(B,) int64: steps since the last observation, 0 where the belief was updated with o_t itself; the next prediction
    has the horizon unobserved + 1. Before any observation it counts from the start."""
