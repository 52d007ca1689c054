"""MPPI: model predictive path integral control (Williams et al., 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.planners.action_noise import Generators, coloured_covariance
from mbrl_mts3.planners.base import Found, Objective, Planner, PlannerState, require_option
from mbrl_mts3.planners.sequences import settle_on_mean, shift, take_best
from mbrl_mts3.planners.stopwatch import Stopwatch


@dataclass(eq=False, kw_only=True)
class MPPI(Planner):
    """Information-theoretic MPC: move the mean to the candidates, each weighted by exp(return / temperature).

    Williams et al. (2017), "Information theoretic MPC for model-based reinforcement learning", algorithm 2. From the
    mean u, candidates u + e are sampled with the covariance S and get the weights
    w ~ exp((return - control_weight * temperature * u' S^-1 e) / temperature); the new mean is u + sum w e. u is
    measured from the middle of the action range, and e after the candidates were clipped at the bounds. The mean is
    executed and, moved on by one step, the warm start of the next decision.

    Args:
        candidates: sequences of each iteration.
        iterations: how often the mean is moved; 1 as published.
        temperature: in units of the return; candidates that are worse than the best one by much more have no weight.
        control_weight: 1 as published, the optimum is then that of return - temperature / 2 * u' S^-1 u; with 0
            nothing draws the mean to the middle of the action range.
        noise_beta: exponent of the noise: 0 white, as published, 1 pink, 2 brown.
        noise_std: standard deviation in units of half the action range.
    """

    temperature: float = 0.1
    control_weight: float = 0.0
    iterations: int = 3

    def check_options(self) -> None:
        super().check_options()
        require_option(self.iterations >= 1, f"iterations={self.iterations}: search at least once")
        require_option(self.temperature > 0, f"temperature={self.temperature}: must be positive")
        require_option(self.control_weight >= 0, f"control_weight={self.control_weight}: expected 0 or more")
        require_option(
            self.noise is None or not self.control_weight,
            f"control_weight={self.control_weight} weighs actions by the covariance of coloured noise: set it to 0, or "
            "leave noise=data out",
        )
        precision = torch.linalg.inv(coloured_covariance(self.horizon, self.noise_beta))
        self._precision = precision.to(self.low) / self.noise_std**2

    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        mean = state.mean
        std = self.first_std.expand_as(mean)
        for _ in range(self.iterations):
            tried = self.sample(mean, std, self.candidates, self.noise_beta, generator)
            returns = self.evaluate(objective, tried)
            # A plan without any finite return has no weights and stays where it is.
            weights = self._weights(mean, tried, returns).nan_to_num(nan=0.0)
            mean = mean + torch.einsum("bn,bnla->bla", weights, tried - mean[:, None])
            if not watch.allows_another(following=1):
                break
        best, values = take_best(tried, returns, 1)
        # Rounding may carry a mean of clipped sequences beyond the bounds.
        mean = mean.clamp(self.low, self.high)
        actions, value = settle_on_mean(mean, self.evaluate(objective, mean[:, None])[:, 0], best[:, 0], values[:, 0])
        return Found(actions, value, returns, PlannerState(mean=shift(mean), elites=state.elites))

    def _weights(self, mean: Tensor, tried: Tensor, returns: Tensor) -> Tensor:
        """Weights (B, N) of the candidates (B, N, L, act); they sum to 1, or are NaN where no return is finite."""
        logits = returns / self.temperature
        if self.control_weight:
            centred = (mean - self.middle) / self.half_range
            deviation = (tried - mean[:, None]) / self.half_range
            pull = torch.einsum("lm,bma->bla", self._precision, centred)
            logits = logits - self.control_weight * torch.einsum("bla,bnla->bn", pull, deviation)
        return logits.softmax(dim=1)
