"""MTS3 along a sequence: cell by cell for the slow levels, step by step only where nothing else is possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian
from mbrl_mts3.models.cells import Cells
from mbrl_mts3.models.fast_scan import SharedCause, fast_scan
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.mts3_maps import MTS3Maps
from mbrl_mts3.tensor_record import concatenate

if TYPE_CHECKING:
    from mbrl_mts3.models.mts3 import MTS3

Noise = Callable[[Tensor, int], Tensor]
"""Standard normal (B, count, 2n) for a tensor (B, 2n) and a count."""


def run_sequence(
    model: MTS3,
    maps: MTS3Maps,
    start: MTS3Belief,
    actions: Tensor,
    observations: Tensor | None = None,
    mask: Tensor | None = None,
) -> tuple[MTS3Belief, FactorisedGaussian]:
    """The belief after actions (B, T, act), and the predicted beliefs of z_1..z_T, (B, T).

    Args:
        observations, mask: (B, T, obs) and (B, T), o_0..o_{T-1} where they are taken in; None for an open loop.
    """
    groups = groups_of_equal_step(start.step)
    if len(groups) == 1:
        return _run_aligned(model, maps, start, actions, observations, mask)
    # Elements at different phases of their cells cannot share the cuts of a sequence.
    runs = [_run_aligned(model, maps, start[i], actions[i], _pick(observations, i), _pick(mask, i)) for i in groups]
    order = torch.cat(groups).argsort()
    return concatenate([run[0] for run in runs])[order], concatenate([run[1] for run in runs])[order]


def groups_of_equal_step(step: Tensor) -> list[Tensor]:
    """Indices of the elements that are at the same step, for each step that there is."""
    return [torch.nonzero(step == value).squeeze(-1) for value in step.unique()]


def slow_levels(
    model: MTS3,
    maps: MTS3Maps,
    start: MTS3Belief,
    actions: Tensor,
    observations: Tensor | None = None,
    mask: Tensor | None = None,
    noise: Noise | None = None,
) -> tuple[FactorisedGaussian | None, tuple[LevelBelief, ...]]:
    """Top down: what the fast level is conditioned on (B, T), and the levels' beliefs at the end.

    Args:
        start: all elements at the same step.
        noise: draw each cell's latent once instead of keeping its belief.
    """
    begin, length = int(start.step[0]), actions.shape[1]
    steps = torch.arange(begin, begin + length, device=actions.device)
    dropped = model.options.slow_dropout if model.training and observations is not None else 0.0
    kept = (torch.rand(len(actions), 1, 1, dtype=actions.dtype, device=actions.device) >= dropped) if dropped else None
    cause: FactorisedGaussian | None = None
    beliefs: list[LevelBelief] = []
    for level, level_maps, belief in reversed(list(zip(model.slow_levels, maps.levels, start.levels, strict=True))):
        cells = Cells(level.period, begin % level.period, length)
        observed = None if observations is None else level.observation_evidence(observations, steps, mask)
        if observed is not None and kept is not None:
            observed = Evidence(observed.precision * kept, observed.information * kept)
        draws = None if noise is None else noise(belief.state.mean, cells.count)
        run = level.run(level_maps, belief, cells, observed, level.action_evidence(actions, steps), cause, draws)
        cause = run.cause
        beliefs.insert(0, run.belief)
    return cause, tuple(beliefs)


def _run_aligned(
    model: MTS3,
    maps: MTS3Maps,
    start: MTS3Belief,
    actions: Tensor,
    observations: Tensor | None,
    mask: Tensor | None,
) -> tuple[MTS3Belief, FactorisedGaussian]:
    cause, levels = slow_levels(model, maps, start, actions, observations, mask)
    evidence = None if observations is None else model.observation_encoder(observations, mask)
    drive = maps.drive((len(actions), actions.shape[1]), model.control_effect(actions), cause)
    shared = _shared_cause(model, maps, start, cause, actions.shape[1])
    together = model.interaction_along(maps, actions, cause.mean if cause is not None else None)
    predicted, tracked = fast_scan(maps.transition, start.fast, drive, evidence, shared, together)
    return MTS3Belief(predicted[:, -1], levels, start.step + actions.shape[1], start.reference, tracked), predicted


def _shared_cause(
    model: MTS3, maps: MTS3Maps, start: MTS3Belief, cause: FactorisedGaussian | None, length: int
) -> SharedCause | None:
    if maps.shared is None or cause is None or start.shared is None:
        return None
    begin, period = int(start.step[0]), model.options.time_scales[0]
    begins = [(begin + t) % period == 0 for t in range(length)]
    return SharedCause(maps.shared, cause, start.shared, begins)


def _pick(tensor: Tensor | None, index: Tensor) -> Tensor | None:
    return None if tensor is None else tensor[index]
