"""CEM: the cross-entropy method for action sequences."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.planners.base import Found, Objective, Planner, PlannerState, require_option
from mbrl_mts3.planners.sequences import settle_on_mean, shift, take_best
from mbrl_mts3.planners.stopwatch import Stopwatch


@dataclass(eq=False, kw_only=True)
class CEM(Planner):
    """The cross-entropy method: sample sequences around a mean, refit mean and spread to the best, execute the mean.

    Rubinstein and Kroese (2004), "The Cross-Entropy Method"; as a planner with a learned model in Chua et al. (2018),
    "Deep reinforcement learning in a handful of trials using probabilistic dynamics models" (PETS). Each iteration
    forgets the sequences of the one before; the mean, moved on by one step, is the warm start of the next decision.

    Args:
        candidates: sequences of each iteration.
        iterations: how often mean and spread are refitted.
        elites: number of best sequences that they are refitted to.
        momentum: weight of the old mean and spread in a refit.
        noise_beta: exponent of the noise: 0 white, as published, 1 pink, 2 brown.
        noise_std: standard deviation in the first iteration, in units of half the action range; samples are clipped
            at the bounds.
    """

    iterations: int = 5
    elites: int = 30
    momentum: float = 0.1
    noise_beta: float = 0.0
    noise_std: float = 0.6

    def check_options(self) -> None:
        super().check_options()
        require_option(self.iterations >= 1, f"iterations={self.iterations}: search at least once")
        most = self.candidates
        require_option(1 <= self.elites <= most, f"elites={self.elites}: expected 1 to {most}, the candidates")
        require_option(0 <= self.momentum < 1, f"momentum={self.momentum}: expected 0 to below 1")

    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        mean = state.mean
        std = self.first_std.expand_as(mean)
        for _ in range(self.iterations):
            tried = self.sample(mean, std, self.candidates, self.noise_beta, generator)
            returns = self.evaluate(objective, tried)
            elites, values = take_best(tried, returns, self.elites)
            mean, std = self.refit(mean, std, elites)
            if not watch.allows_another(following=1):
                break
        actions, value = settle_on_mean(mean, self.evaluate(objective, mean[:, None])[:, 0], elites[:, 0], values[:, 0])
        return Found(actions, value, returns, PlannerState(mean=shift(mean), elites=state.elites))

    def refit(self, mean: Tensor, std: Tensor, elites: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread (B, L, act) of the elites (B, K, L, act), with the momentum of the old ones."""
        kept, new = self.momentum, 1 - self.momentum
        return kept * mean + new * elites.mean(dim=1), kept * std + new * elites.std(dim=1, correction=0)
