"""Multi Time Scale State Space models with any number of levels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from mbrl_mts3.errors import CausalityError, ShapeError
from mbrl_mts3.gaussian import FactorisedGaussian, SharedCovariance
from mbrl_mts3.models.chunks import over_candidates, segment_ends
from mbrl_mts3.models.drawn_trust import drawn_trust
from mbrl_mts3.models.interaction_along import InteractionAlong
from mbrl_mts3.models.mean_rollout import mean_rollout
from mbrl_mts3.models.mts3_belief import MTS3Belief
from mbrl_mts3.models.mts3_maps import MTS3Maps, build_maps
from mbrl_mts3.models.mts3_options import MTS3Options
from mbrl_mts3.models.mts3_sampling import sample_paths
from mbrl_mts3.models.mts3_sequence import run_sequence
from mbrl_mts3.models.mts3_step import advance, take_in
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.readout import Readout
from mbrl_mts3.models.time_scale import TimeScale
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.networks import MLP, GaussianEncoder, Link, ProcessNoise, StateInteraction, make_transition
from mbrl_mts3.tensor_record import TensorRecord, concatenate


class MTS3(WorldModel):
    """A hierarchy of Gaussian state space models, each slower than the one below (arXiv 2310.18534).

        fast level, step t:         z' = A z + b(a_t) + C x^1 + W tanh(V z + u(a_t, x^1)) + eps
        level i, cell k of tau_i:   x^i_k = A_i x^i_{k-1} + B_i alpha^i_k + C_i x^{i+1} + eps

    Each level is conditioned on the *prior* of the level above, which has seen the past only. The published model has
    no W tanh(...): its dynamics are linear in the latent. Where effects of actions depend on the state, they cannot be
    told apart by a linear model, however wide; `interaction_width` adds them, at the mean of the belief.

    Args:
        observation_dim, action_dim: sizes; action_dim 0 gives the unactuated model of time series.
        time_scales: steps per cell of each slow level, fastest first, each a multiple of the one before.
            () is a single level (Ac-RKN with the same transition), (15,) the model of the paper.
        latent_dim: n; latents have 2n dimensions.
        slow_latent_dim: n of every slow level; None means latent_dim, as published.
        transition: "dense", "banded", "diagonal", "locally_linear" or "banded_locally_linear", for every level.
        aggregation: "causal" (actions of a cell up to the current step) or "window" (all actions of the cell, as
            in the paper; such a model cannot be stepped one action at a time).
        conditioning: "prior", or "posterior" to smooth with the whole cell's observations; not for control.
        shared_latent: "independent" adds the slow latent's covariance anew at each step, as published; "exact"
            treats it as one variable for the whole cell of the first slow level.
        target: "absolute" predicts the observation outright, "delta" its change; changes add up, and so do their
            errors in long open loops.
        actuated: False ignores the actions at every level, as a model of time series does.
        abstract_actions: False lets the actions reach the fast level only.
        predict_reward, predict_termination: heads beside the next observation.
        encoder_hidden, window_hidden, action_hidden, control_hidden, decoder_hidden: hidden sizes of the networks; u
            has those of control.
        interaction_width: hidden units of W tanh(V z + u), which acts on means; 0, as published, leaves it out.
        variance_hidden: of the head of variances; None means decoder_hidden.
        slow_dropout: probability, in training, that a sequence shows its observations to the fast level only; drawn for
            each piece where a long batch is computed in pieces. A fast level that always finds a well-informed slow
            latent leans on it, and errs in long blind stretches, where that has nothing left to tell.
        heteroscedastic: let predicted variances depend on the belief's mean; as published they are read from its
            covariance alone, which hardly depends on where the state is.
        initial_variance: of every latent before the first observation.
        slow_initial_variance: of the slow latents; None means initial_variance, as published. Near the variance that
            blind stretches lead back to, each sequence begins with what a long one ends with, so that it is learned.

    Raises:
        ConfigurationError: an option is unknown or does not go with another.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        time_scales: Sequence[int] = (15,),
        *,
        latent_dim: int = 30,
        slow_latent_dim: int | None = None,
        transition: str = "dense",
        aggregation: str = "causal",
        conditioning: str = "prior",
        shared_latent: str = "independent",
        target: str = "absolute",
        actuated: bool = True,
        abstract_actions: bool = True,
        predict_reward: bool = True,
        predict_termination: bool = False,
        encoder_hidden: Sequence[int] = (120,),
        window_hidden: Sequence[int] = (240,),
        action_hidden: Sequence[int] = (240,),
        control_hidden: Sequence[int] = (120,),
        interaction_width: int = 0,
        slow_dropout: float = 0.0,
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        heteroscedastic: bool = False,
        initial_variance: float = 10.0,
        slow_initial_variance: float | None = None,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        self.options = MTS3Options(
            time_scales=tuple(time_scales),
            latent_dim=latent_dim,
            slow_latent_dim=slow_latent_dim,
            transition=transition,
            aggregation=aggregation,
            conditioning=conditioning,
            shared_latent=shared_latent,
            target=target,
            actuated=actuated,
            abstract_actions=abstract_actions,
            encoder_hidden=tuple(encoder_hidden),
            window_hidden=tuple(window_hidden),
            action_hidden=tuple(action_hidden),
            control_hidden=tuple(control_hidden),
            interaction_width=interaction_width,
            slow_dropout=slow_dropout,
            decoder_hidden=tuple(decoder_hidden),
            variance_hidden=None if variance_hidden is None else tuple(variance_hidden),
            heteroscedastic=heteroscedastic,
            initial_variance=initial_variance,
            slow_initial_variance=slow_initial_variance,
        )
        self.levels = nn.ModuleList(self._level(i) for i in range(len(self.options.time_scales)))
        self.transition = make_transition(transition, latent_dim)
        self.noise = ProcessNoise(latent_dim)
        self.cause_map = Link(latent_dim, slow_latent_dim) if len(self.levels) else None
        driven = actuated and action_dim > 0
        self.control = MLP(action_dim, control_hidden, 2 * latent_dim, layer_norm=True) if driven else None
        self.interaction = self._interaction(action_dim if driven else 0)
        self.observation_encoder = GaussianEncoder(observation_dim, latent_dim, encoder_hidden)
        self.readout = Readout(
            latent_dim,
            observation_dim,
            decoder_hidden,
            delta=target == "delta",
            reward=predict_reward,
            termination=predict_termination,
            variance_hidden=variance_hidden,
            heteroscedastic=heteroscedastic,
        )
        self._maps: MTS3Maps | None = None

    # --- the contract ---------------------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        open_plan = self.options.aggregation == "window" and self.action_dim > 0
        return not (open_plan or self.options.conditioning == "posterior")

    @property
    def period(self) -> int:
        return max(self.options.time_scales, default=1)

    def arguments(self) -> dict[str, object]:
        # Special cases of this model have constructors of their own, with fewer arguments.
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
        return MTS3Belief(
            fast=FactorisedGaussian.isotropic(batch_size, n, variance, like),
            levels=tuple(level.initial_belief(batch_size, slow, like) for level in self.slow_levels),
            step=torch.zeros(batch_size, dtype=torch.int64, device=like.device),
            reference=like.new_zeros(batch_size, self.observation_dim) if self.readout.delta else None,
            shared=SharedCovariance(like.new_zeros(batch_size, 4 * n)) if exact else None,
        )

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> MTS3Belief:
        known = self._checked(belief)
        if action is not None:
            known = self._advanced(known, action)
        self.check_observation(observation, len(known.step), mask)
        return take_in(self, known, observation, mask)

    def observe_drawn(self, belief: TensorRecord, observation: Tensor) -> MTS3Belief:
        return take_in(self, self._checked(belief), observation, None, drawn_trust(delta=self.readout.delta))

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[MTS3Belief, Prediction]:
        known = self._checked(belief)
        after = self._advanced(known, action)
        return after, self.readout(after.fast[:, None], known.reference)[0]

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[MTS3Belief, Prediction]:
        self.check_sequence(observations, actions, mask)
        known = self.initial_belief(len(observations)) if belief is None else self._checked(belief)
        self.check_rows(len(known.step), observations)
        maps, parts, begin = self._current_maps(), [], 0
        for end in self._segment_ends(known, actions):
            cut = slice(begin, end)
            shown = None if mask is None else mask[:, cut]
            known, prediction = self._run(maps, known, actions[:, cut], observations[:, cut], shown)
            parts.append(prediction)
            begin = end
        return known, parts[0] if len(parts) == 1 else concatenate(parts, dim=1)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        maps = self._current_maps()

        def rollout(rows: MTS3Belief, plans: Tensor) -> Prediction:
            return self._run(maps, rows, plans)[1]

        return over_candidates(rollout, start, actions)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        if len(start.step.unique()) > 1 or self.options.conditioning == "posterior":
            return super().imagine_mean(belief, actions)
        maps = self._current_maps()

        def rollout(rows: MTS3Belief, plans: Tensor) -> MeanPrediction:
            return self.readout.means(mean_rollout(self, maps, rows, plans), rows.reference)

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
        drawn = self.readout.sample(paths, maps.noise, rows.reference, generator)
        return drawn.reshape_batch((len(start.step), num_samples))

    # --- parts ----------------------------------------------------------------------------------------------------

    @property
    def slow_levels(self) -> list[TimeScale]:
        """The slow levels, the fastest of them first."""
        return [level for level in self.levels if isinstance(level, TimeScale)]

    def control_effect(self, actions: Tensor) -> Tensor | None:
        """b(a) (..., 2n) of actions (..., act); None where actions do not move the fast level."""
        if self.control is None:
            return None
        effect: Tensor = self.control(actions)
        return effect

    def interaction_along(self, maps: MTS3Maps, actions: Tensor, cause: Tensor | None) -> InteractionAlong | None:
        """Under actions (B, T, act) and means of the first slow latent (B, T, 2n); None where there is none."""
        if maps.interaction is None or self.interaction is None:
            return None
        return InteractionAlong(maps.interaction, self.interaction.inputs(actions, cause))

    def _current_maps(self) -> MTS3Maps:
        return build_maps(self) if self._maps is None else self._maps

    def _apply(self, *args: Any, **kwargs: Any) -> MTS3:
        # Matrices that were built on another device or in another precision are of no more use.
        self._maps = None
        moved: MTS3 = super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        return moved

    def _segment_ends(self, start: MTS3Belief, actions: Tensor) -> list[int]:
        rows, length = actions.shape[:2]
        if actions.device.type != "cpu" or len(start.step.unique()) > 1:
            return [length]
        return segment_ends(rows, length, self.period, int(start.step[0]) % self.period)

    def _interaction(self, action_dim: int) -> StateInteraction | None:
        options = self.options
        if not options.interaction_width:
            return None
        width, hidden, cause = options.interaction_width, options.control_hidden, options.slow_size
        return StateInteraction(options.latent_dim, action_dim, width, hidden, cause_dim=cause)

    def _level(self, index: int) -> TimeScale:
        options = self.options
        return TimeScale(
            options.time_scales[index],
            self.observation_dim,
            self.action_dim if options.aggregates_actions else 0,
            options.slow_size,
            has_parent=index + 1 < len(options.time_scales),
            transition=options.transition,
            window_hidden=options.window_hidden,
            action_hidden=options.action_hidden,
            causal=options.aggregation == "causal",
            smoothing=options.conditioning == "posterior",
        )

    def _run(
        self,
        maps: MTS3Maps,
        start: MTS3Belief,
        actions: Tensor,
        observations: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[MTS3Belief, Prediction]:
        after, predicted = run_sequence(self, maps, start, actions, observations, mask)
        prediction, reference = self.readout(predicted, start.reference, observations, mask)
        return replace(after, reference=reference), prediction

    def _advanced(self, belief: MTS3Belief, action: Tensor) -> MTS3Belief:
        if not self.causal:
            raise CausalityError(
                "this MTS3 needs actions or observations of the future (aggregation='window' or "
                "conditioning='posterior') and cannot be stepped one action at a time: train one with "
                "aggregation='causal' and conditioning='prior', or imagine a whole plan at once"
            )
        self.check_actions(action.unsqueeze(1), len(belief.step))
        return advance(self, self._current_maps(), belief, action)

    def _checked(self, belief: TensorRecord) -> MTS3Belief:
        if not isinstance(belief, MTS3Belief) or len(belief.levels) != len(self.levels):
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief
