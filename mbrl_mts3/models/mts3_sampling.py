"""Coherent futures of MTS3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.models.fast_scan import fast_sample
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.mts3_maps import MTS3Maps
from mbrl_mts3.models.mts3_sequence import groups_of_equal_step, slow_levels

if TYPE_CHECKING:
    from mbrl_mts3.models.mts3 import MTS3


def sample_paths(
    model: MTS3, maps: MTS3Maps, start: MTS3Belief, actions: Tensor, generator: torch.Generator | None
) -> Tensor:
    """One path of z_1..z_T (B, T, 2n) per row under actions (B, T, act).

    Each cell's slow latent is drawn once, the process noise of the fast level at each step.
    """
    groups = groups_of_equal_step(start.step)
    paths = [_sample_aligned(model, maps, start[i], actions[i], generator) for i in groups]
    return torch.cat(paths)[torch.cat(groups).argsort()]


def _sample_aligned(
    model: MTS3, maps: MTS3Maps, start: MTS3Belief, actions: Tensor, generator: torch.Generator | None
) -> Tensor:
    def noise(like: Tensor, count: int) -> Tensor:
        shape = (len(like), count, like.shape[-1])
        return torch.randn(shape, dtype=like.dtype, device=like.device, generator=generator)

    levels = tuple(
        LevelBelief(level.state.draw(noise(level.state.mean, 1)[:, 0]), level.observed, level.acted)
        for level in start.levels
    )
    known = MTS3Belief(start.fast, levels, start.step, start.reference, start.shared)
    cause, _ = slow_levels(model, maps, known, actions, noise=noise)
    first = start.fast.draw(noise(start.fast.mean, 1)[:, 0]).mean
    drive = maps.drive((len(actions), actions.shape[1]), model.control_effect(actions), cause)
    together = model.interaction_along(maps, actions, cause.mean if cause is not None else None)
    return fast_sample(maps.transition, first, drive, noise(start.fast.mean, actions.shape[1]), together)
