"""Multi Time Scale State Space models with any number of levels."""

from __future__ import annotations

import copy
from dataclasses import replace
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from mbrl_mts3.errors import CausalityError, ShapeError
from mbrl_mts3.gaussian import FactorisedGaussian, SharedLatentCovariance
from mbrl_mts3.models.batching import over_candidates, segment_ends
from mbrl_mts3.models.state_space.belief import MTS3Belief
from mbrl_mts3.models.state_space.inference import (
    Steps,
    filter_sequence,
    imagine_means,
    predict_belief,
    sample_paths,
    update_belief,
)
from mbrl_mts3.models.state_space.network import MTS3Maps, MTS3Network, build_maps
from mbrl_mts3.models.state_space.scan import sample_evidence_weight
from mbrl_mts3.predictions import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.tensor_record import TensorRecord, concatenate


class MTS3(MTS3Network):
    """A hierarchy of Gaussian state space models, each slower than the one below (arXiv 2310.18534).

        fast level, step t:         z' = A z + b(a_t) + C x^1 + eps
        with `gated`:               z' = (1 - g) z + g n + eps,  g and n of z, a_t and x^1 as in a GRU
        level i, cell k of tau_i:   x^i_k = A_i x^i_{k-1} + B_i alpha^i_k + C_i x^{i+1} + eps

    Each level is conditioned on the *prior* of the level above, which has seen the past only. The dynamics of the
    published model are linear in the latent, and a linear model, however wide, cannot represent effects of actions that
    depend on the state. Gates can; they act on means, see `GateSequence`.
    Options of encoders and heads that are not named here are those of `FastLevelModel`.

    Args:
        observation_dim, action_dim: sizes; action_dim 0 gives the unactuated model of time series.
        time_scales: steps per cell of each slow level, fastest first, each a multiple of the one before.
            () is a single level (Ac-RKN with the same transition), (15,) the model of the paper.
        latent_dim: n; latents have 2n dimensions.
        slow_latent_dim: n of every slow level; None means latent_dim, as published.
        transition: "dense", "banded", "diagonal", "locally_linear" or "banded_locally_linear", for every level; with
            gates for the slow ones.
        aggregation: "causal" (actions of a cell up to the current step) or "window" (all actions of the cell, as
            in the paper; such a model cannot be stepped one action at a time).
        conditioning: "prior", or "posterior" to smooth with the whole cell's observations; not for control.
        shared_latent: "independent" adds the slow latent's covariance again at each step, as published; "exact"
            treats it as one variable for the whole cell of the first slow level.
        actuated: False ignores the actions at every level, as a model of time series does.
        abstract_actions: False lets the actions reach the fast level only.
        encoder_hidden: hidden sizes of the fast level's encoder of observations.
        window_hidden: hidden sizes of the slow levels' encoders of observations.
        action_hidden: hidden sizes of the slow levels' encoders of actions.
        control_hidden: hidden sizes of the network b of the action in a fast transition without gates.
        gated: whether gates take the place of A z + b(a) + C x in the means of the fast level.
        slow_initial_variance: of the slow latents; None means initial_variance, as published. With a value near the
            variance that long open loops end with, training sequences begin there, so that it is learned.

    Raises:
        ConfigurationError: an option is unknown or cannot be combined with another.
    """

    _maps: MTS3Maps | None = None
    """Precomputed by `prepared`; None where they are built at each call."""

    # --- the contract ---------------------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        open_plan = self.options.aggregation == "window" and self.action_dim > 0
        return not (open_plan or self.options.conditioning == "posterior")

    @property
    def period(self) -> int:
        return max(self.options.time_scales, default=1)

    def arguments(self) -> dict[str, object]:
        # Subclasses, special cases of this model, have constructors with fewer arguments.
        taken = signature(type(self).__init__).parameters
        every = {**super().arguments(), **self.options.as_dict()}
        return {name: value for name, value in every.items() if name in taken}

    def prepared(self) -> MTS3:
        twin = copy.copy(self)
        with torch.no_grad():
            twin._maps = build_maps(self)
        return twin

    def initial_belief(self, batch_size: int) -> MTS3Belief:
        like = self.noise.raw
        n, variance, slow = self.options.latent_dim, self.options.initial_variance, self.options.slow_variance
        exact = self.options.shared_latent == "exact" and len(self.levels)
        reference, last = self.nothing_observed(batch_size)
        return MTS3Belief(
            fast=FactorisedGaussian.isotropic(batch_size, n, variance, like),
            levels=tuple(level.initial_belief(batch_size, slow, like) for level in self.slow_levels),
            step=torch.zeros(batch_size, dtype=torch.int64, device=like.device),
            reference=reference,
            shared=SharedLatentCovariance(like.new_zeros(batch_size, 4 * n)) if exact else None,
            last=last,
        )

    def observe_sample(self, belief: TensorRecord, observation: Tensor) -> MTS3Belief:
        return update_belief(
            self, self._checked(belief), observation, None, sample_evidence_weight(delta=self.readout.keeps_reference)
        )

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[MTS3Belief, Prediction]:
        known = self.initial_belief(len(observations)) if belief is None else self._checked(belief)
        self.check_sequence(observations, actions, mask, len(known.step))
        maps, steps, parts, begin = self._current_maps(), Steps(actions, observations, mask), [], 0
        for end in self._segment_ends(known, actions):
            known, prediction = self._run(maps, known, steps[:, begin:end])
            parts.append(prediction)
            begin = end
        return known, parts[0] if len(parts) == 1 else concatenate(parts, dim=1)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        maps = self._current_maps()

        def rollout(rows: MTS3Belief, plans: Tensor) -> Prediction:
            return self._run(maps, rows, Steps(plans))[1]

        return over_candidates(rollout, start, actions)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        if len(start.step.unique()) > 1 or self.options.conditioning == "posterior":
            return super().imagine_mean(belief, actions)
        maps = self._current_maps()

        def rollout(rows: MTS3Belief, plans: Tensor) -> MeanPrediction:
            return self.readout.means(imagine_means(self, maps, rows, plans), rows.reference)

        return over_candidates(rollout, start, actions)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        if self.causal:
            return super().sample(belief, actions, num_samples, generator)
        rows = start.repeat_interleave(num_samples)
        plans = actions.repeat_interleave(num_samples, dim=0)
        maps = self._current_maps()
        paths = sample_paths(self, maps, rows, plans, generator)
        trajectories = self.readout.sample(paths, maps.noise, rows.reference, generator)
        return trajectories.reshape_batch((len(start.step), num_samples))

    # --- helpers --------------------------------------------------------------------------------------------------

    def _current_maps(self) -> MTS3Maps:
        return build_maps(self) if self._maps is None else self._maps

    def _apply(self, *args: Any, **kwargs: Any) -> MTS3:
        # Matrices that were built on another device or in another precision cannot be used any more.
        self._maps = None
        moved: MTS3 = super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        return moved

    def _segment_ends(self, start: MTS3Belief, actions: Tensor) -> list[int]:
        rows, length = actions.shape[:2]
        if actions.device.type != "cpu" or len(start.step.unique()) > 1:
            return [length]
        return segment_ends(rows, length, self.period, int(start.step[0]) % self.period)

    def _run(self, maps: MTS3Maps, start: MTS3Belief, steps: Steps) -> tuple[MTS3Belief, Prediction]:
        run = filter_sequence(self, maps, start, steps)
        prediction, reference = self.readout(run.predicted, start.reference, steps.observations, steps.mask)
        if run.updated is not None:
            prediction = self.readout.add_reconstruction(prediction, run.updated)
        return replace(run.after, reference=reference), prediction

    def _advanced(self, belief: TensorRecord, action: Tensor) -> MTS3Belief:
        known = self._checked(belief)
        if not self.causal:
            raise CausalityError(
                "this MTS3 needs actions or observations of the future (aggregation='window' or "
                "conditioning='posterior') and cannot be stepped one action at a time: train one with "
                "aggregation='causal' and conditioning='prior', or imagine a whole plan at once"
            )
        self.check_actions(action.unsqueeze(1), len(known.step))
        return predict_belief(self, self._current_maps(), known, action)

    def _updated(self, belief: TensorRecord, observation: Tensor, mask: Tensor | None) -> MTS3Belief:
        return update_belief(self, self._checked(belief), observation, mask)

    def _checked(self, belief: TensorRecord) -> MTS3Belief:
        if not isinstance(belief, MTS3Belief) or len(belief.levels) != len(self.levels):
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief
