"""Multi Time Scale State Space models with any number of levels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mbrl_mts3.errors import CausalityError, ShapeError
from mbrl_mts3.gaussian import (
    Evidence,
    FactorisedGaussian,
    SharedCovariance,
    condition,
    shared_condition,
)
from mbrl_mts3.models.cells import Cells
from mbrl_mts3.models.chunks import in_chunks, segment_ends
from mbrl_mts3.models.fast_scan import SharedCause, fast_sample, fast_scan, shared_step
from mbrl_mts3.models.mean_rollout import mean_rollout
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.mts3_maps import MTS3Maps, build_maps
from mbrl_mts3.models.mts3_options import MTS3Options
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.readout import Readout
from mbrl_mts3.models.time_scale import TimeScale
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.networks import MLP, GaussianEncoder, Link, ProcessNoise, make_transition
from mbrl_mts3.tensor_record import TensorRecord, concatenate


class MTS3(WorldModel):
    """A hierarchy of Gaussian state space models, each slower than the one below (arXiv 2310.18534).

        fast level, step t:         z' = A z + b(a_t) + C x^1 + eps
        level i, cell k of tau_i:   x^i_k = A_i x^i_{k-1} + B_i alpha^i_k + C_i x^{i+1} + eps

    Each level is conditioned on the *prior* of the level above, which has seen the past only.

    Args:
        observation_dim, action_dim: sizes; action_dim 0 gives the unactuated model of time series.
        time_scales: steps per cell of each slow level, fastest first, each a multiple of the one before.
            () is a single level (Ac-RKN with the same transition), (15,) the model of the paper.
        latent_dim: n; latents have 2n dimensions.
        transition: "dense", "banded", "diagonal" or "locally_linear", for every level.
        aggregation: "causal" (actions of a cell up to the current step) or "window" (all actions of the cell, as
            in the paper; such a model cannot be stepped one action at a time).
        conditioning: "prior", or "posterior" to smooth with the whole cell's observations; not for control.
        shared_latent: "independent" adds the slow latent's covariance anew at each step, as published; "exact"
            treats it as one variable for the whole cell of the first slow level.
        target: "absolute" predicts the observation outright, "delta" its change; changes add up, and so do their
            errors in long open loops.
        predict_reward, predict_termination: heads beside the next observation.
        encoder_hidden, window_hidden, action_hidden, control_hidden, decoder_hidden: hidden sizes of the networks.
        initial_variance: of every latent before the first observation.

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
        transition: str = "dense",
        aggregation: str = "causal",
        conditioning: str = "prior",
        shared_latent: str = "independent",
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
        encoder_hidden: Sequence[int] = (120,),
        window_hidden: Sequence[int] = (240,),
        action_hidden: Sequence[int] = (240,),
        control_hidden: Sequence[int] = (120,),
        decoder_hidden: Sequence[int] = (240,),
        initial_variance: float = 10.0,
    ) -> None:
        super().__init__(
            observation_dim, action_dim, predict_reward=predict_reward, predict_termination=predict_termination
        )
        self.options = MTS3Options(
            time_scales=tuple(time_scales),
            latent_dim=latent_dim,
            transition=transition,
            aggregation=aggregation,
            conditioning=conditioning,
            shared_latent=shared_latent,
            target=target,
            encoder_hidden=tuple(encoder_hidden),
            window_hidden=tuple(window_hidden),
            action_hidden=tuple(action_hidden),
            control_hidden=tuple(control_hidden),
            decoder_hidden=tuple(decoder_hidden),
            initial_variance=initial_variance,
        )
        self.levels = nn.ModuleList(self._level(i) for i in range(len(self.options.time_scales)))
        self.transition = make_transition(transition, latent_dim)
        self.noise = ProcessNoise(latent_dim)
        self.cause_map = Link(latent_dim) if len(self.levels) else None
        self.control = MLP(action_dim, control_hidden, 2 * latent_dim, layer_norm=True) if action_dim else None
        self.observation_encoder = GaussianEncoder(observation_dim, latent_dim, encoder_hidden)
        self.readout = Readout(
            latent_dim,
            observation_dim,
            decoder_hidden,
            delta=target == "delta",
            reward=predict_reward,
            termination=predict_termination,
        )
        self._maps: MTS3Maps | None = None

    # --- the contract ---------------------------------------------------------------------------------------------

    @property
    def causal(self) -> bool:
        open_plan = self.options.aggregation == "window" and self.action_dim > 0
        return not len(self.levels) or not (open_plan or self.options.conditioning == "posterior")

    @property
    def period(self) -> int:
        return max(self.options.time_scales, default=1)

    def arguments(self) -> dict[str, object]:
        return {**super().arguments(), **self.options.as_dict()}

    def prepared(self) -> MTS3:
        twin = copy.copy(self)
        with torch.no_grad():
            twin._maps = build_maps(self)
        return twin

    def initial_belief(self, batch_size: int) -> MTS3Belief:
        like = self.noise.raw
        n, variance = self.options.latent_dim, self.options.initial_variance
        exact = self.options.shared_latent == "exact" and len(self.levels)
        return MTS3Belief(
            fast=FactorisedGaussian.isotropic(batch_size, n, variance, like),
            levels=tuple(level.initial_belief(batch_size, variance, like) for level in self.slow_levels),
            step=torch.zeros(batch_size, dtype=torch.int64, device=like.device),
            reference=like.new_zeros(batch_size, self.observation_dim) if self.readout.delta else None,
            shared=SharedCovariance(like.new_zeros(batch_size, 4 * n)) if exact else None,
        )

    def observe(
        self, belief: TensorRecord, observation: Tensor, action: Tensor | None = None, mask: Tensor | None = None
    ) -> MTS3Belief:
        known = self._checked(belief)
        if action is not None:
            known, _ = self._advance(self._current_maps(), known, action)
        expected = (len(known.step), self.observation_dim)
        if observation.shape != expected:
            raise ShapeError(f"observation needs the shape {expected}, got {tuple(observation.shape)}")
        return self._take_in(known, observation, mask)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[MTS3Belief, Prediction]:
        known = self._checked(belief)
        after, predicted = self._advance(self._current_maps(), known, action)
        return self._read_step(after, predicted, known.reference)

    def filter(
        self, observations: Tensor, actions: Tensor, mask: Tensor | None = None, belief: TensorRecord | None = None
    ) -> tuple[MTS3Belief, Prediction]:
        self.check_sequence(observations, actions, mask)
        belief = self.initial_belief(len(observations)) if belief is None else self._checked(belief)
        maps, parts, begin = self._current_maps(), [], 0
        for end in self._segment_ends(belief, actions):
            cut = slice(begin, end)
            shown = None if mask is None else mask[:, cut]
            belief, prediction = self._run(maps, belief, actions[:, cut], observations[:, cut], shown)
            parts.append(prediction)
            begin = end
        return belief, parts[0] if len(parts) == 1 else concatenate(parts, dim=1)

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        maps, shape = self._current_maps(), tuple(actions.shape[:-2])
        if actions.ndim == 4:
            start, actions = start.repeat_interleave(shape[1]), actions.flatten(0, 1)

        def rollout(rows: MTS3Belief, plans: Tensor) -> Prediction:
            return self._run(maps, rows, plans)[1]

        return in_chunks(rollout, start, actions).reshape_batch(shape)

    def imagine_mean(self, belief: TensorRecord, actions: Tensor) -> MeanPrediction:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        groups = _groups_of_equal_step(start.step)
        if len(groups) > 1 or self.options.conditioning == "posterior":
            return super().imagine_mean(belief, actions)
        maps, shape = self._current_maps(), tuple(actions.shape[:-2])
        if actions.ndim == 4:
            start, actions = start.repeat_interleave(shape[1]), actions.flatten(0, 1)

        def rollout(rows: MTS3Belief, plans: Tensor) -> MeanPrediction:
            return self.readout.means(mean_rollout(self, maps, rows, plans), rows.reference)

        return in_chunks(rollout, start, actions).reshape_batch(shape)

    def sample(
        self, belief: TensorRecord, actions: Tensor, num_samples: int, generator: torch.Generator | None = None
    ) -> Trajectories:
        start = self._checked(belief)
        self.check_actions(actions, len(start.step))
        rows = start.repeat_interleave(num_samples)
        plans = actions.repeat_interleave(num_samples, dim=0)
        maps = self._current_maps()
        parts = [self._sample_aligned(maps, rows[i], plans[i], generator) for i in _groups_of_equal_step(rows.step)]
        order = torch.cat(_groups_of_equal_step(rows.step)).argsort()
        states, emission = concatenate([part[0] for part in parts])[order], parts[0][1]
        drawn = self.readout.sample(states.mean, emission, rows.reference, generator)
        return drawn.reshape_batch((len(start.step), num_samples))

    # --- along a sequence -----------------------------------------------------------------------------------------

    def _run(
        self,
        maps: MTS3Maps,
        start: MTS3Belief,
        actions: Tensor,
        observations: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[MTS3Belief, Prediction]:
        groups = _groups_of_equal_step(start.step)
        if len(groups) == 1:
            after, predicted = self._run_aligned(maps, start, actions, observations, mask)
        else:
            # Elements at different phases of their cells cannot share the cuts of a sequence.
            runs = [
                self._run_aligned(maps, start[i], actions[i], _pick(observations, i), _pick(mask, i)) for i in groups
            ]
            order = torch.cat(groups).argsort()
            after = concatenate([run[0] for run in runs])[order]
            predicted = concatenate([run[1] for run in runs])[order]
        prediction, reference = self.readout(predicted, start.reference, observations, mask)
        return _with_reference(after, reference), prediction

    def _segment_ends(self, start: MTS3Belief, actions: Tensor) -> list[int]:
        rows, length = actions.shape[:2]
        if actions.device.type != "cpu" or len(start.step.unique()) > 1:
            return [length]
        return segment_ends(rows, length, self.period, int(start.step[0]) % self.period)

    def _run_aligned(
        self, maps: MTS3Maps, start: MTS3Belief, actions: Tensor, observations: Tensor | None, mask: Tensor | None
    ) -> tuple[MTS3Belief, FactorisedGaussian]:
        begin, length = int(start.step[0]), actions.shape[1]
        cause, levels = self._slow_levels(maps, start, begin, actions, observations, mask)
        evidence = None if observations is None else self.observation_encoder(observations, mask)
        shared = self._shared_cause(maps, start, cause, begin, length)
        drive = self._drive(maps, actions, cause)
        predicted, tracked = fast_scan(maps.transition, start.fast, drive, evidence, shared)
        return MTS3Belief(predicted[:, -1], levels, start.step + length, start.reference, tracked), predicted

    def _slow_levels(
        self,
        maps: MTS3Maps,
        start: MTS3Belief,
        begin: int,
        actions: Tensor,
        observations: Tensor | None = None,
        mask: Tensor | None = None,
        generator: torch.Generator | None = None,
        *,
        sampled: bool = False,
    ) -> tuple[FactorisedGaussian | None, tuple[LevelBelief, ...]]:
        """Top down: each level's cause for the level below, and the levels' beliefs at the end."""
        length = actions.shape[1]
        steps = torch.arange(begin, begin + length, device=actions.device)
        cause: FactorisedGaussian | None = None
        beliefs: list[LevelBelief] = []
        for level, level_maps, belief in reversed(list(zip(self.slow_levels, maps.levels, start.levels, strict=True))):
            cells = Cells(level.period, begin % level.period, length)
            observed = None if observations is None else level.observation_evidence(observations, steps, mask)
            draws = _noise(belief.state.mean, cells.count, generator) if sampled else None
            run = level.run(level_maps, belief, cells, observed, level.action_evidence(actions, steps), cause, draws)
            cause = run.cause
            beliefs.insert(0, run.belief)
        return cause, tuple(beliefs)

    def _sample_aligned(
        self, maps: MTS3Maps, start: MTS3Belief, actions: Tensor, generator: torch.Generator | None
    ) -> tuple[FactorisedGaussian, FactorisedGaussian]:
        """Paths of z as beliefs without covariance, and the covariance that one step leaves when its past is known."""
        begin, length = int(start.step[0]), actions.shape[1]
        levels = tuple(
            LevelBelief(level.state.draw(_noise(level.state.mean, None, generator)), level.observed, level.acted)
            for level in start.levels
        )
        known = MTS3Belief(start.fast, levels, start.step, start.reference, start.shared)
        cause, _ = self._slow_levels(maps, known, begin, actions, generator=generator, sampled=True)
        first = start.fast.draw(_noise(start.fast.mean, None, generator)).mean
        drive = self._drive(maps, actions, cause)
        states = fast_sample(maps.transition, first, drive, _noise(start.fast.mean, length, generator))
        return FactorisedGaussian(states, torch.zeros_like(drive.covariance)), maps.noise

    def _drive(self, maps: MTS3Maps, actions: Tensor, cause: FactorisedGaussian | None) -> FactorisedGaussian:
        """b(a) + C x + eps, all that enters the fast level but its predecessor; batched over time."""
        batch = actions.shape[:-1]
        drive = maps.noise.map(lambda tensor: tensor.expand(*batch, tensor.shape[-1]))
        if maps.cause is not None and cause is not None:
            drive = maps.cause.apply(cause) + drive
        if self.control is not None:
            drive = FactorisedGaussian(drive.mean + self.control(actions), drive.covariance)
        return drive

    def _shared_cause(
        self, maps: MTS3Maps, start: MTS3Belief, cause: FactorisedGaussian | None, begin: int, length: int
    ) -> SharedCause | None:
        if maps.shared is None or cause is None or start.shared is None:
            return None
        period = self.options.time_scales[0]
        begins = [(begin + t) % period == 0 for t in range(length)]
        return SharedCause(maps.shared, cause, start.shared, begins)

    # --- one step, every element at a phase of its own ------------------------------------------------------------

    def _take_in(self, belief: MTS3Belief, observation: Tensor, mask: Tensor | None) -> MTS3Belief:
        evidence: Evidence = self.observation_encoder(observation, mask)
        levels = tuple(
            LevelBelief(
                known.state, known.observed + level.observation_evidence(observation, belief.step, mask), known.acted
            )
            for level, known in zip(self.slow_levels, belief.levels, strict=True)
        )
        shared = None if belief.shared is None else shared_condition(belief.shared, belief.fast, evidence)
        reference = belief.reference
        if reference is not None:
            reference = observation if mask is None else torch.where(mask[:, None], observation, reference)
        return MTS3Belief(condition(belief.fast, evidence), levels, belief.step, reference, shared)

    def _advance(self, maps: MTS3Maps, belief: MTS3Belief, action: Tensor) -> tuple[MTS3Belief, FactorisedGaussian]:
        if not self.causal:
            raise CausalityError(
                "this MTS3 needs actions or observations of the future (aggregation='window' or "
                "conditioning='posterior') and cannot be stepped one action at a time: train one with "
                "aggregation='causal' and conditioning='prior', or imagine a whole plan at once"
            )
        self.check_actions(action.unsqueeze(1), len(belief.step))
        cause: FactorisedGaussian | None = None
        levels: list[LevelBelief] = []
        for level, level_maps, known in reversed(list(zip(self.slow_levels, maps.levels, belief.levels, strict=True))):
            acted = LevelBelief(known.state, known.observed, known.acted + level.action_evidence(action, belief.step))
            cause = level_maps.transition.apply(known.state) + level.drive(level_maps, acted.acted, cause)
            levels.insert(0, level.complete(acted, cause, (belief.step + 1) % level.period == 0))
        drive = self._drive(maps, action, cause)
        predicted = maps.transition.apply(belief.fast) + drive
        shared = belief.shared
        if maps.shared is not None and shared is not None and cause is not None:
            begins = belief.step % self.options.time_scales[0] == 0
            shared, gain = shared_step(maps.shared, shared, cause, begins)
            predicted = FactorisedGaussian(predicted.mean, predicted.covariance + gain)
        reference = belief.reference
        if reference is not None:
            reference = reference + self.readout.change(predicted.mean)
        return MTS3Belief(predicted, tuple(levels), belief.step + 1, reference, shared), predicted

    def _read_step(
        self, after: MTS3Belief, predicted: FactorisedGaussian, reference: Tensor | None
    ) -> tuple[MTS3Belief, Prediction]:
        sequence = predicted.map(lambda tensor: tensor.unsqueeze(1))
        prediction, _ = self.readout(sequence, reference)
        return after, prediction

    # --- parts ----------------------------------------------------------------------------------------------------

    def _current_maps(self) -> MTS3Maps:
        return build_maps(self) if self._maps is None else self._maps

    def _apply(self, *args: Any, **kwargs: Any) -> MTS3:
        # Matrices that were built on another device or in another precision are of no more use.
        self._maps = None
        moved: MTS3 = super()._apply(*args, **kwargs)  # type: ignore[no-untyped-call]
        return moved

    @property
    def slow_levels(self) -> list[TimeScale]:
        """The slow levels, the fastest of them first."""
        return [level for level in self.levels if isinstance(level, TimeScale)]

    def _level(self, index: int) -> TimeScale:
        options = self.options
        return TimeScale(
            options.time_scales[index],
            self.observation_dim,
            self.action_dim,
            options.latent_dim,
            has_parent=index + 1 < len(options.time_scales),
            transition=options.transition,
            window_hidden=options.window_hidden,
            action_hidden=options.action_hidden,
            causal=options.aggregation == "causal",
            smoothing=options.conditioning == "posterior",
        )

    def _checked(self, belief: TensorRecord) -> MTS3Belief:
        if not isinstance(belief, MTS3Belief) or len(belief.levels) != len(self.levels):
            raise ShapeError(f"expected a belief of this model (see initial_belief), got {belief!r}")
        return belief


def _with_reference(belief: MTS3Belief, reference: Tensor | None) -> MTS3Belief:
    return MTS3Belief(belief.fast, belief.levels, belief.step, reference, belief.shared)


def _groups_of_equal_step(step: Tensor) -> list[Tensor]:
    """Indices of the elements that are at the same step."""
    return [torch.nonzero(step == value).squeeze(-1) for value in step.unique()]


def _pick(tensor: Tensor | None, index: Tensor) -> Tensor | None:
    return None if tensor is None else tensor[index]


def _noise(like: Tensor, length: int | None, generator: torch.Generator | None) -> Tensor:
    """Standard normal of the shape of `like` (B, 2n), or (B, length, 2n)."""
    shape = like.shape if length is None else (like.shape[0], length, like.shape[-1])
    return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)
