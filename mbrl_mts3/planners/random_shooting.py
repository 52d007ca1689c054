"""Random shooting: the best of randomly sampled plans."""

from __future__ import annotations

import torch

from mbrl_mts3.planners.action_noise import Generators, coloured_noise
from mbrl_mts3.planners.base import Bounds, Objective, Plan, Planner, PlannerState, require_option, shift, take_best


class RandomShooting(Planner):
    """Try random sequences around the middle of the action range and the last plan again; keep the best.

    Args:
        noise_beta: exponent of the noise: 0 white, 1 pink, 2 brown.
        noise_std: standard deviation of the noise, in units of half the action range; samples are clipped at the
            bounds.
    """

    def __init__(
        self,
        action_low: Bounds,
        action_high: Bounds,
        *,
        horizon: int = 30,
        candidates: int = 1000,
        noise_beta: float = 1.0,
        noise_std: float = 0.8,
    ) -> None:
        super().__init__(action_low, action_high, horizon=horizon, candidates=candidates)
        self.noise_beta = noise_beta
        self.noise_std = noise_std
        require_option(noise_beta >= 0, f"noise_beta={noise_beta}: the exponent is 0 (white) or more")
        require_option(noise_std > 0, f"noise_std={noise_std}: must be positive")

    def initial_state(self, batch_size: int) -> PlannerState:
        mean = self.middle.expand(batch_size, self.horizon, self.action_dim).clone()
        return PlannerState(mean=mean, elites=mean[:, None, :, :][:, :0])

    def plan(self, objective: Objective, state: PlannerState, generator: Generators = None) -> Plan:
        shape = (self.candidates - 1, self.action_dim, self.horizon)
        noise = coloured_noise(shape, self.noise_beta, generator).transpose(-1, -2)
        sampled = self.middle + noise * self.noise_std * self.half_range
        sampled = sampled.clamp(self.action_low, self.action_high)
        tried = torch.cat([state.mean[:, None], sampled.expand(len(state.mean), *sampled.shape[-3:])], dim=1)
        best, values = take_best(tried, self.evaluate(objective, tried), 1)
        actions = best[:, 0]
        after = PlannerState(mean=shift(actions), elites=state.elites)
        return Plan(action=actions[:, 0], actions=actions, value=values[:, 0], state=after)
