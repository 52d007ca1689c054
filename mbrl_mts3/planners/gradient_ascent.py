"""Gradient ascent on action sequences through the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.planners.base import Found, Objective, Planner, PlannerState, require_option
from mbrl_mts3.planners.sequences import shift, take_best, take_better
from mbrl_mts3.planners.stopwatch import Stopwatch


@dataclass(eq=False, kw_only=True)
class GradientAscent(Planner):
    """Follow the gradient of the return with respect to the actions, from several starts; keep the best sequence seen.

    Adam (Kingma and Ba, 2015) moves all starts at once, in units of half the action range; each update is projected
    onto the bounds. The first start is the last plan, moved on by one step, the others are sampled around it. What
    leaves a start without a finite gradient leaves it where it is.

    The objective must be differentiable: no sparse reward, no value from a graph. Tensors that were made in
    `torch.inference_mode()` cannot be differentiated; a planning agent sees to that by `differentiates`.

    Args:
        candidates: number of starts.
        iterations: updates of Adam; the last one is followed by one more evaluation.
        learning_rate: of Adam, in units of half the action range: about how far an update moves each action.
        noise_beta: exponent of the noise of the starts: 0 white, 1 pink, 2 brown.
        noise_std: standard deviation of the starts, in units of half the action range; clipped at the bounds.

    Raises:
        ConfigurationError: an option is out of its range or, from `plan`, the objective has no gradient.
    """

    differentiates: ClassVar[bool] = True

    learning_rate: float = 0.1
    iterations: int = 10
    candidates: int = 16

    def check_options(self) -> None:
        super().check_options()
        require_option(self.iterations >= 1, f"iterations={self.iterations}: search at least once")
        require_option(self.learning_rate > 0, f"learning_rate={self.learning_rate}: must be positive")

    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        std = self.first_std.expand_as(state.mean)
        sampled = self.sample(state.mean, std, self.candidates - 1, self.noise_beta, generator)
        starts = torch.cat([state.mean[:, None], sampled], dim=1)
        best, value = state.mean, torch.full((len(starts),), -torch.inf, device=starts.device)
        place = ((starts - self.middle) / self.half_range).requires_grad_()
        adam = torch.optim.Adam([place], lr=self.learning_rate, maximize=True)
        for _ in range(self.iterations):
            actions = self._actions(place)
            returns, place.grad = self._ascent(objective, place)
            first, values = take_best(actions, returns, 1)
            best, value = take_better(best, value, first[:, 0], values[:, 0])
            adam.step()
            with torch.no_grad():
                place.clamp_(-1, 1)
            if not watch.allows_another(following=1):
                break
        with torch.no_grad():
            actions = self._actions(place)
            first, values = take_best(actions, self.evaluate(objective, actions), 1)
        best, value = take_better(best, value, first[:, 0], values[:, 0])
        return Found(best, value, returns, PlannerState(mean=shift(best), elites=state.elites))

    def _actions(self, place: Tensor) -> Tensor:
        """Actions (B, N, L, act) in physical units."""
        # Rounding may carry them beyond the bounds.
        actions = self.middle + self.half_range * place.detach()
        return actions.clamp(self.low, self.high)

    def _ascent(self, objective: Objective, place: Tensor) -> tuple[Tensor, Tensor]:
        """Returns (B, N) and their gradients with respect to `place`, 0 where they are not finite."""
        with torch.enable_grad():
            returns = self.evaluate(objective, self.middle + self.half_range * place)
            if not returns.requires_grad:
                raise ConfigurationError(
                    "the return has no gradient with respect to the actions, which gradient ascent follows: a sparse "
                    "reward or a value from a graph has none; choose another reward, or a planner that samples (icem)"
                )
            (gradient,) = torch.autograd.grad(returns.where(returns.isfinite(), 0).sum(), place)
        return returns.detach(), gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
