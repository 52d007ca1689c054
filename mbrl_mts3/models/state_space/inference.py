"""Inference with MTS3: filters sequences, takes single steps, samples paths and imagines means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian, condition, condition_shared
from mbrl_mts3.models.state_space.belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.state_space.network import MTS3Maps, MTS3Network
from mbrl_mts3.models.state_space.scan import (
    SharedCause,
    kalman_scan,
    mean_scan,
    sample_scan,
    shared_step,
    updated_along,
)
from mbrl_mts3.models.state_space.time_scale import Cells, PriorAt
from mbrl_mts3.tensor_record import TensorRecord, concatenate

Noise = Callable[[Tensor, int], Tensor]
"""Standard normal (B, count, 2n) for a tensor (B, 2n) and a count."""


@dataclass(frozen=True, repr=False)
class Steps(TensorRecord):
    """What a model is given along T steps."""

    actions: Tensor
    """(B, T, act)."""
    observations: Tensor | None = None
    """(B, T, obs), o_0..o_{T-1} to update with; None for an open loop."""
    mask: Tensor | None = None
    """(B, T) bool, True where the observation is available; None means everywhere."""


@dataclass(frozen=True, repr=False)
class FilterRun(TensorRecord):
    """Result of a run along T steps, of batch size B."""

    after: MTS3Belief
    """The belief at the end."""
    predicted: FactorisedGaussian
    """(B, T): the beliefs of z_1..z_T, each before its own observation."""
    updated: FactorisedGaussian | None
    """(B, T): the beliefs of z_0..z_{T-1} after their own observations; only where training needs them."""


def filter_sequence(model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, steps: Steps) -> FilterRun:
    """Run along steps (B, T)."""
    groups = group_by_step(start.step)
    if len(groups) == 1:
        return _run_aligned(model, maps, start, steps)
    # Elements at different phases of their cells cannot be cut into cells together.
    runs = [_run_aligned(model, maps, start[i], steps[i]) for i in groups]
    return concatenate(runs)[torch.cat(groups).argsort()]


def group_by_step(step: Tensor) -> list[Tensor]:
    """Indices of the elements that are at the same step, for each step that occurs."""
    return [torch.nonzero(step == value).squeeze(-1) for value in step.unique()]


def run_slow_levels(
    model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, given: Steps, noise: Noise | None = None
) -> tuple[FactorisedGaussian | None, tuple[LevelBelief, ...]]:
    """Run the slow levels, slowest first: what conditions the fast level (B, T), and the levels' beliefs at the end.

    Args:
        start: all elements at the same step.
        noise: where given, sample each cell's latent once instead of keeping its belief.
    """
    actions, observations = given.actions, given.observations
    begin, length = int(start.step[0]), actions.shape[1]
    steps = torch.arange(begin, begin + length, device=actions.device)
    cause: FactorisedGaussian | None = None
    beliefs: list[LevelBelief] = []
    for level, level_maps, belief in reversed(list(zip(model.slow_levels, maps.levels, start.levels, strict=True))):
        cells = Cells(level.period, begin % level.period, length)
        observed = None if observations is None else level.observation_evidence(observations, steps, given.mask)
        cell_noise = None if noise is None else noise(belief.state.mean, cells.count)
        run = level.run(level_maps, belief, cells, observed, level.action_evidence(actions, steps), cause, cell_noise)
        cause = run.cause
        beliefs.insert(0, run.belief)
    return cause, tuple(beliefs)


def _run_aligned(model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, steps: Steps) -> FilterRun:
    actions, last = steps.actions, None if start.last is None else start.last.advance(steps.actions.shape[1])
    if steps.observations is not None:
        inputs, last = model.encoder_inputs(start.last, steps.observations, steps.mask)
        steps = replace(steps, observations=inputs)
    observations = steps.observations
    cause, levels = run_slow_levels(model, maps, start, steps)
    evidence = None if observations is None else model.observation_encoder(observations, steps.mask)
    drive = maps.drive((len(actions), actions.shape[1]), model.control_effect(actions), cause)
    shared = _shared_cause(model, maps, start, cause, actions.shape[1])
    gates = model.gates_along(actions, cause.mean if cause is not None else None)
    predicted, tracked = kalman_scan(maps.transition, start.fast, drive, evidence, shared, gates)
    step = start.step + actions.shape[1]
    after = replace(start, fast=predicted[:, -1], levels=levels, step=step, shared=tracked, last=last)
    updated = None
    if evidence is not None and model.reconstructs:
        updated = updated_along(start.fast, predicted, evidence)
    return FilterRun(after, predicted, updated)


def _shared_cause(
    model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, cause: FactorisedGaussian | None, length: int
) -> SharedCause | None:
    if maps.shared is None or cause is None or start.shared is None:
        return None
    begin, period = int(start.step[0]), model.options.time_scales[0]
    begins = [(begin + t) % period == 0 for t in range(length)]
    return SharedCause(maps.shared, cause, start.shared, begins)


def update_belief(
    model: MTS3Network, belief: MTS3Belief, observation: Tensor, mask: Tensor | None, weight: float = 1.0
) -> MTS3Belief:
    """Update the belief with o_t (B, obs) where the mask (B,) shows it; its evidence is multiplied by `weight`."""
    inputs, last = model.encoder_input(belief.last, observation, mask)
    evidence: Evidence = model.observation_encoder(inputs, mask).tempered(weight)
    levels = tuple(
        LevelBelief(
            known.state,
            known.observed + level.observation_evidence(inputs, belief.step, mask).tempered(weight),
            known.acted,
        )
        for level, known in zip(model.slow_levels, belief.levels, strict=True)
    )
    shared = None if belief.shared is None else condition_shared(belief.shared, belief.fast, evidence)
    reference = belief.reference
    if reference is not None:
        reference = observation if mask is None else torch.where(mask[:, None], observation, reference)
    fast = condition(belief.fast, evidence)
    return replace(belief, fast=fast, levels=levels, reference=reference, shared=shared, last=last)


def predict_belief(model: MTS3Network, maps: MTS3Maps, belief: MTS3Belief, action: Tensor) -> MTS3Belief:
    """Advance the belief by a_t (B, act) without an observation."""
    cause: FactorisedGaussian | None = None
    levels: list[LevelBelief] = []
    for level, level_maps, known in reversed(list(zip(model.slow_levels, maps.levels, belief.levels, strict=True))):
        acted = LevelBelief(known.state, known.observed, known.acted + level.action_evidence(action, belief.step))
        cause = level_maps.transition.apply(known.state) + level.drive(level_maps, acted.acted, cause)
        levels.insert(0, level.complete(acted, cause, (belief.step + 1) % level.period == 0))
    drive = maps.drive((len(action),), model.control_effect(action), cause)
    moved = maps.transition.apply(belief.fast)
    predicted = moved + drive
    gates = model.gates_along(action[:, None], cause.mean[:, None] if cause is not None else None)
    if gates is not None:
        predicted = FactorisedGaussian(gates.move(0, belief.fast.mean), predicted.covariance)
    shared = belief.shared
    if maps.shared is not None and shared is not None and cause is not None:
        begins = belief.step % model.options.time_scales[0] == 0
        shared, gain = shared_step(maps.shared, shared, cause, begins)
        predicted = FactorisedGaussian(predicted.mean, predicted.covariance + gain)
    reference = belief.reference
    if reference is not None:
        reference = model.readout.next_reference(reference, predicted.mean)
    last = None if belief.last is None else belief.last.advance()
    return MTS3Belief(
        fast=predicted, levels=tuple(levels), step=belief.step + 1, reference=reference, shared=shared, last=last
    )


def sample_paths(
    model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, actions: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Sample one path of z_1..z_T (B, T, 2n) per row under actions (B, T, act).

    Each cell's slow latent is sampled once, the process noise of the fast level at each step.
    """
    groups = group_by_step(start.step)
    paths = [_sample_aligned(model, maps, start[i], actions[i], generator) for i in groups]
    return torch.cat(paths)[torch.cat(groups).argsort()]


def _sample_aligned(
    model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, actions: Tensor, generator: torch.Generator | None
) -> Tensor:
    def noise(like: Tensor, count: int) -> Tensor:
        shape = (len(like), count, like.shape[-1])
        return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)

    levels = tuple(
        LevelBelief(level.state.sample(noise(level.state.mean, 1)[:, 0]), level.observed, level.acted)
        for level in start.levels
    )
    known = replace(start, levels=levels)
    cause, _ = run_slow_levels(model, maps, known, Steps(actions), noise)
    first = start.fast.sample(noise(start.fast.mean, 1)[:, 0]).mean
    drive = maps.drive((len(actions), actions.shape[1]), model.control_effect(actions), cause)
    gates = model.gates_along(actions, cause.mean if cause is not None else None)
    return sample_scan(maps.transition, first, drive, noise(start.fast.mean, actions.shape[1]), gates)


def imagine_means(model: MTS3Network, maps: MTS3Maps, start: MTS3Belief, actions: Tensor) -> Tensor:
    """Means of z_1..z_T (B, T, 2n) under actions (B, T, act), all elements at the same step.

    Means do not depend on covariances where nothing is observed, except in the running cells: see
    `SlowLevel.run_mean`.
    """
    begin, length = int(start.step[0]), actions.shape[1]
    steps = torch.arange(begin, begin + length, device=actions.device)
    cause: tuple[Tensor, PriorAt] | None = None
    for level, level_maps, belief in reversed(list(zip(model.slow_levels, maps.levels, start.levels, strict=True))):
        cells = Cells(level.period, begin % level.period, length)
        cause = level.run_mean(level_maps, belief, cells, level.action_evidence(actions, steps), cause)
    of_cause = None if cause is None else cause[0]
    gates = model.gates_along(actions, of_cause)
    if gates is not None:
        return mean_scan(maps.transition, start.fast.mean, None, gates)
    like = start.fast.mean[:, None].expand(-1, length, -1)
    drive = maps.drive_mean(like, model.control_effect(actions), of_cause)
    return mean_scan(maps.transition, start.fast.mean, drive)
