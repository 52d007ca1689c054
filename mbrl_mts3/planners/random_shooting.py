"""Random shooting: the best of randomly sampled plans."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.planners.base import Found, Objective, Planner, PlannerState
from mbrl_mts3.planners.sequences import shift, take_best, take_better
from mbrl_mts3.planners.stopwatch import Stopwatch

_PARTS = 8


@dataclass(eq=False, kw_only=True)
class RandomShooting(Planner):
    """Try random sequences around the middle of the action range and the last plan again; keep the best.

    With a budget the candidates are tried in eight parts, each of which counts as an iteration.

    Args:
        noise_beta: exponent of the noise: 0 white, 1 pink, 2 brown.
        noise_std: standard deviation of the noise, in units of half the action range; samples are clipped at the
            bounds.
    """

    candidates: int = 1000
    noise_std: float = 0.8

    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        noise = self.sample_noise(self.candidates - 1, self.noise_beta, generator)
        sampled = self.middle + noise * self.first_std
        sampled = sampled.clamp(self.low, self.high)
        tried = torch.cat([state.mean[:, None], sampled.expand(len(state.mean), *sampled.shape[-3:])], dim=1)
        best, value = state.mean, torch.full((len(state.mean),), -torch.inf, device=state.mean.device)
        returns: list[Tensor] = []
        # All at once, or in parts between which the time is read.
        for part in tried.split(self.candidates if self.budget_ms is None else -(-self.candidates // _PARTS), dim=1):
            returns.append(self.evaluate(objective, part))
            first, values = take_best(part, returns[-1], 1)
            best, value = take_better(best, value, first[:, 0], values[:, 0])
            if not watch.allows_another():
                break
        return Found(best, value, torch.cat(returns, dim=1), PlannerState(mean=shift(best), elites=state.elites))
