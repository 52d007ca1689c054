"""MTS3's open loop without covariances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.models.cells import Cells
from mbrl_mts3.models.fast_scan import mean_scan
from mbrl_mts3.models.mts3_belief import MTS3Belief
from mbrl_mts3.models.mts3_maps import MTS3Maps
from mbrl_mts3.models.time_scale import PriorAt

if TYPE_CHECKING:
    from mbrl_mts3.models.mts3 import MTS3


def mean_rollout(model: MTS3, maps: MTS3Maps, start: MTS3Belief, actions: Tensor) -> Tensor:
    """Means of z_1..z_T (B, T, 2n) under actions (B, T, act), all elements at the same step.

    Means do not depend on covariances where nothing is observed, but for the cells that are running: see
    `TimeScale.run_mean`.
    """
    begin, length = int(start.step[0]), actions.shape[1]
    steps = torch.arange(begin, begin + length, device=actions.device)
    cause: tuple[Tensor, PriorAt] | None = None
    for level, level_maps, belief in reversed(list(zip(model.slow_levels, maps.levels, start.levels, strict=True))):
        cells = Cells(level.period, begin % level.period, length)
        cause = level.run_mean(level_maps, belief, cells, level.action_evidence(actions, steps), cause)
    like = start.fast.mean[:, None].expand(-1, length, -1)
    of_cause = None if cause is None else cause[0]
    drive = maps.drive_mean(like, model.control_effect(actions), of_cause)
    together = model.interaction_along(maps, actions, of_cause)
    return mean_scan(maps.transition, start.fast.mean, drive, together)
