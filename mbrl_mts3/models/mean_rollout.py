"""MTS3's open loop without covariances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mbrl_mts3.models.cells import Cells
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
    drive = start.fast.mean.new_zeros(len(actions), length, start.fast.mean.shape[-1])
    if maps.cause is not None and cause is not None:
        drive = drive + maps.cause.apply_mean(cause[0])
    if model.control is not None:
        drive = drive + model.control(actions)
    state, states = start.fast.mean, []
    for step in drive.unbind(1):
        state = maps.transition.apply_mean(state) + step
        states.append(state)
    return torch.stack(states, dim=1)
