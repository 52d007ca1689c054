"""Hidden-parameter recurrent state space models (HiP-RSSM), and the inference of their task from a context."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.gaussian import Evidence, FactorisedGaussian, aggregate, condition, noise_belief
from mbrl_mts3.models.batching import over_candidates
from mbrl_mts3.models.state_space.belief import HiPRSSMBelief, TaskBelief
from mbrl_mts3.models.state_space.fast_level import FastLevelModel
from mbrl_mts3.models.state_space.scan import (
    FastLevelMaps,
    kalman_scan,
    mean_scan,
    sample_evidence_weight,
    updated_along,
)
from mbrl_mts3.networks import GaussianEncoder
from mbrl_mts3.predictions import MeanPrediction, Prediction
from mbrl_mts3.tensor_record import TensorRecord


class HiPRSSM(FastLevelModel):
    """z' = A z + b(a) + C l + eps with one latent task l for the whole sequence (Shaj et al. 2022, arXiv 2206.14697).

    l has the prior N(0, I) and is conditioned on the set of encoded triples (o_t, a_t, o_{t+1}) of the first `context`
    steps, of which both observations were shown; a triple counts once the belief is updated with o_{t+1}. After the
    context the belief of l stays as it is.

    The other arguments are those of `FastLevelModel`.

    Args:
        observation_dim, action_dim: sizes.
        context: how many steps at the start the task is inferred from.
        latent_dim: n; latents, the task too, have 2n dimensions.
        transition: "locally_linear", "dense" or any other of `MTS3`.
        task_hidden: hidden sizes of the encoder of the context.
        initial_variance: of z before the first observation.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        context: int = 30,
        latent_dim: int = 30,
        transition: str = "locally_linear",
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
        encoder_hidden: Sequence[int] = (120,),
        task_hidden: Sequence[int] = (80,),
        control_hidden: Sequence[int] = (120,),
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
        initial_variance: float = 10.0,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        if min(context, latent_dim) < 1 or not 0 < initial_variance < math.inf:
            raise ConfigurationError(
                f"context, latent_dim and initial_variance must be positive and finite, got {context}, "
                f"{latent_dim} and {initial_variance}"
            )
        self.options: dict[str, object] = {
            "context": context,
            "latent_dim": latent_dim,
            "transition": transition,
            "target": target,
            "encoder_hidden": tuple(encoder_hidden),
            "task_hidden": tuple(task_hidden),
            "control_hidden": tuple(control_hidden),
            "decoder_hidden": tuple(decoder_hidden),
            "variance_hidden": None if variance_hidden is None else tuple(variance_hidden),
            "heteroscedastic": heteroscedastic,
            "initial_variance": initial_variance,
        }
        self.latent_dim = latent_dim
        self.initial_variance = initial_variance
        self.build_fast_level(latent_dim, transition, control_hidden, driven=action_dim > 0, caused=True)
        self.observation_encoder = self.build_encoder(target, latent_dim, encoder_hidden)
        self.context = TaskContext(observation_dim, action_dim, latent_dim, length=context, hidden=task_hidden)
        self.build_readout(latent_dim, target, decoder_hidden, variance_hidden, heteroscedastic)

    @property
    def causal(self) -> bool:
        return True

    def arguments(self) -> dict[str, object]:
        return {**super().arguments(), **self.options}

    def initial_belief(self, batch_size: int) -> HiPRSSMBelief:
        like, (reference, last) = self.noise.raw, self.nothing_observed(batch_size)
        return HiPRSSMBelief(
            fast=FactorisedGaussian.isotropic(batch_size, self.latent_dim, self.initial_variance, like),
            task=self.context.initial_belief(batch_size, like),
            step=torch.zeros(batch_size, dtype=torch.int64, device=like.device),
            reference=reference,
            last=last,
        )

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[HiPRSSMBelief, Prediction]:
        start = self.initial_belief(len(observations)) if belief is None else self._checked(belief)
        self.check_sequence(observations, actions, mask, len(start.step))
        batch, length = actions.shape[:2]
        shown = torch.ones(batch, length, dtype=torch.bool, device=actions.device) if mask is None else mask
        evidence, task = self.context.along(start.task, observations, actions, shown, start.step)
        maps = self._maps()
        drive = maps.drive((batch, length), self.control_effect(actions), aggregate(evidence))
        inputs, last = self.encoder_inputs(start.last, observations, mask)
        seen = self.observation_encoder(inputs, mask)
        predicted, _ = kalman_scan(maps.transition, start.fast, drive, seen)
        prediction, reference = self.readout(predicted, start.reference, observations, mask)
        if self.reconstructs:
            prediction = self.readout.add_reconstruction(prediction, updated_along(start.fast, predicted, seen))
        after = HiPRSSMBelief(
            fast=predicted[:, -1], task=task, step=start.step + length, reference=reference, last=last
        )
        return after, prediction

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        maps = self._maps()

        def rollout(rows: HiPRSSMBelief, plans: Tensor) -> Prediction:
            task = aggregate(rows.task.evidence)[:, None]
            drive = maps.drive(tuple(plans.shape[:2]), self.control_effect(plans), task)
            predicted, _ = kalman_scan(maps.transition, rows.fast, drive, None)
            prediction: Prediction = self.readout(predicted, rows.reference)[0]
            return prediction

        return over_candidates(rollout, start, actions)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        maps = self._maps()

        def rollout(rows: HiPRSSMBelief, plans: Tensor) -> MeanPrediction:
            like = rows.fast.mean[:, None].expand(-1, plans.shape[1], -1)
            drive = maps.drive_mean(like, self.control_effect(plans), aggregate(rows.task.evidence).mean[:, None])
            return self.readout.means(mean_scan(maps.transition, rows.fast.mean, drive), rows.reference)

        return over_candidates(rollout, start, actions)

    def observe_sample(self, belief: TensorRecord, observation: Tensor) -> HiPRSSMBelief:
        known, weight = self._checked(belief), sample_evidence_weight(delta=self.readout.keeps_reference)
        inputs, last = self.encoder_input(known.last, observation, None)
        # A sampled observation is no evidence of the task.
        return replace(
            known,
            fast=condition(known.fast, self.observation_encoder(inputs).tempered(weight)),
            reference=None if known.reference is None else observation,
            last=last,
        )

    def _advanced(self, belief: TensorRecord, action: Tensor) -> HiPRSSMBelief:
        known = self._checked(belief)
        self.check_actions(action.unsqueeze(1), len(known.step))
        maps = self._maps()
        drive = maps.drive((len(action),), self.control_effect(action), aggregate(known.task.evidence))
        predicted = maps.transition.apply(known.fast) + drive
        reference, last = known.reference, known.last
        if reference is not None:
            reference = self.readout.next_reference(reference, predicted.mean)
        return HiPRSSMBelief(
            fast=predicted,
            task=self.context.advance(known.task, action),
            step=known.step + 1,
            reference=reference,
            last=None if last is None else last.advance(),
        )

    def _updated(self, belief: TensorRecord, observation: Tensor, mask: Tensor | None) -> HiPRSSMBelief:
        known = self._checked(belief)
        shown = torch.ones_like(known.task.shown) if mask is None else mask
        reference = known.reference
        inputs, last = self.encoder_input(known.last, observation, shown)
        return replace(
            known,
            fast=condition(known.fast, self.observation_encoder(inputs, shown)),
            task=self.context.update(known.task, observation, shown, known.step),
            reference=None if reference is None else torch.where(shown[:, None], observation, reference),
            last=last,
        )

    def _maps(self) -> FastLevelMaps:
        cause = None if self.cause_map is None else self.cause_map()
        return FastLevelMaps(self.transition(), cause, noise_belief(self.noise()))

    def _checked(self, belief: TensorRecord) -> HiPRSSMBelief:
        if not isinstance(belief, HiPRSSMBelief):
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief


class TaskContext(nn.Module):
    """Infers the evidence of a latent task from the set of triples (o_{t-1}, a_{t-1}, o_t) with 1 <= t <= `length`.

    A triple counts only if both of its observations were shown, and once the belief is updated with the second one.

    Args:
        observation_dim, action_dim: sizes.
        latent_dim: n; the task has 2n dimensions.
        length: steps of the context.
        hidden: hidden sizes of the encoder of triples.
    """

    def __init__(
        self, observation_dim: int, action_dim: int, latent_dim: int, *, length: int, hidden: Sequence[int]
    ) -> None:
        super().__init__()
        self.observation_dim = observation_dim
        self.action_dim = action_dim
        self.latent_dim = latent_dim
        self.length = length
        self.encoder = GaussianEncoder(2 * observation_dim + action_dim, 2 * latent_dim, hidden)

    def initial_belief(self, batch_size: int, like: Tensor) -> TaskBelief:
        """The belief without any triple, with the device and dtype of `like`."""
        never = torch.zeros(batch_size, dtype=torch.bool, device=like.device)
        return TaskBelief(
            Evidence.none(batch_size, 2 * self.latent_dim, like),
            like.new_zeros(batch_size, self.observation_dim + self.action_dim),
            never,
            like.new_zeros(batch_size, self.observation_dim),
            never,
        )

    def update(self, belief: TaskBelief, observation: Tensor, shown: Tensor, step: Tensor) -> TaskBelief:
        """Update the belief with o_t (B, obs) where `shown` (B,), at step t (B,)."""
        complete = belief.origin_shown & shown
        return replace(
            belief,
            evidence=belief.evidence + self._triples(belief.origin, observation, complete, step),
            observation=torch.where(shown[:, None], observation, belief.observation),
            shown=belief.shown | shown,
        )

    def advance(self, belief: TaskBelief, action: Tensor) -> TaskBelief:
        """Advance by a_t (B, act): this step's observation becomes the start of the next triple."""
        return TaskBelief(
            belief.evidence,
            torch.cat([belief.observation, action], dim=-1),
            belief.shown,
            torch.zeros_like(belief.observation),
            torch.zeros_like(belief.shown),
        )

    def along(
        self, start: TaskBelief, observations: Tensor, actions: Tensor, shown: Tensor, step: Tensor
    ) -> tuple[Evidence, TaskBelief]:
        """`update` and `advance` in turn for t = 0..T-1, batched over time.

        Args:
            observations, actions, shown: (B, T, obs), (B, T, act) and (B, T) bool; what is not shown may be any value.
            step: (B,), of the first of them.

        Returns:
            The evidence (B, T, 2n) at each step, given its observation, and the belief at step T.
        """
        seen = torch.where(shown.unsqueeze(-1), observations, torch.zeros_like(observations))
        # The first observation may be known already.
        first = torch.where(shown[:, :1], seen[:, 0], start.observation)
        known = torch.cat([shown[:, :1] | start.shown[:, None], shown[:, 1:]], dim=1)
        begins = torch.cat([torch.cat([first[:, None], seen[:, 1:]], dim=1), actions], dim=-1)
        origins = torch.cat([start.origin[:, None], begins], dim=1)
        origins_shown = torch.cat([start.origin_shown[:, None], known], dim=1)
        steps = step[:, None] + torch.arange(actions.shape[1], device=step.device)
        triples = self._triples(origins[:, :-1], observations, origins_shown[:, :-1] & shown, steps)
        evidence = triples.cumsum(1) + start.evidence[:, None]
        nothing, never = torch.zeros_like(start.observation), torch.zeros_like(start.shown)
        return evidence, TaskBelief(evidence[:, -1], origins[:, -1], origins_shown[:, -1], nothing, never)

    def _triples(self, origin: Tensor, observation: Tensor, complete: Tensor, step: Tensor) -> Evidence:
        inputs = torch.cat([origin, observation], dim=-1)
        evidence: Evidence = self.encoder(inputs, complete & (step <= self.length))
        return evidence
