"""iCEM: the improved cross-entropy method (Pinneri et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.planners.base import Found, Objective, PlannerState, require_option
from mbrl_mts3.planners.cem import CEM
from mbrl_mts3.planners.sequences import shift, take_best, take_better
from mbrl_mts3.planners.stopwatch import Stopwatch


@dataclass(eq=False, kw_only=True)
class ICEM(CEM):
    """iCEM: sample sequences around a mean, refit mean and spread to the best of them, and repeat.

    Pinneri et al. (2020), "Sample-efficient cross-entropy method for real-time planning": noise coloured in time,
    elites kept from one iteration to the next and, shifted, from one decision to the next, fewer candidates in later
    iterations, the mean itself among the last ones, and the best sequence of all executed.

    Args:
        candidates: sequences of the first iteration, the kept elites included.
        iterations: how often the mean is refitted.
        elites: number of best sequences that the mean is refitted to.
        kept_fraction: fraction of the elites that is tried again, in the next iteration and at the next decision.
        decay: iteration i tries candidates / decay^i sequences, but at least twice as many as there are elites.
        momentum: weight of the old mean and spread in a refit.
        noise_beta: exponent of the noise: 0 white, 1 pink, 2 brown; larger values are smoother.
        noise_std: standard deviation in the first iteration, in units of half the action range; samples are clipped
            at the bounds.
    """

    iterations: int = 3
    elites: int = 20
    kept_fraction: float = 0.3
    decay: float = 1.25
    noise_beta: float = 2.0

    def check_options(self) -> None:
        super().check_options()
        most = self.candidates // 2
        require_option(self.elites <= most, f"elites={self.elites}: expected 1 to {most}, half of the candidates")
        require_option(0 <= self.kept_fraction <= 1, f"kept_fraction={self.kept_fraction}: expected 0 to 1")
        require_option(self.decay >= 1, f"decay={self.decay}: expected 1 (none) or more")
        self._kept = round(self.kept_fraction * self.elites)

    def initial_state(self, batch_size: int) -> PlannerState:
        mean = self.middle.expand(batch_size, self.horizon, self.action_dim).clone()
        return PlannerState(mean=mean, elites=mean[:, None].repeat(1, self._kept, 1, 1))

    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        mean, kept = state.mean, state.elites
        std = self.first_std.expand_as(mean)
        best, value = mean, torch.full((len(mean),), -torch.inf, device=mean.device)
        for iteration in range(self.iterations):
            tried = self._candidates(iteration, mean, std, kept, generator)
            returns = self.evaluate(objective, tried)
            elites, values = take_best(tried, returns, self.elites)
            mean, std = self.refit(mean, std, elites)
            kept = elites[:, : self._kept]
            best, value = take_better(best, value, elites[:, 0], values[:, 0])
            if not watch.allows_another():
                break
        return Found(best, value, returns, PlannerState(mean=shift(mean), elites=shift(kept)))

    def _candidates(self, iteration: int, mean: Tensor, std: Tensor, kept: Tensor, generator: Generators) -> Tensor:
        """Candidates (B, N, L, act): the kept elites, the mean in the last iteration, and samples around the mean."""
        given = [kept] if iteration < self.iterations - 1 else [kept, mean[:, None]]
        count = max(int(self.candidates * self.decay**-iteration), 2 * self.elites)
        count -= sum(sequences.shape[1] for sequences in given)
        return torch.cat([*given, self.sample(mean, std, count, self.noise_beta, generator)], dim=1)
