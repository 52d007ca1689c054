"""Base class of the planners, the plan that they return and the warm start of the next search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.tensor_record import TensorRecord

Objective = Callable[[Tensor], Tensor]
"""Returns (B, N) of the action sequences (B, N, L, act): the larger, the better."""

Bounds = Tensor | np.ndarray | Sequence[float]


class Planner(ABC):
    """Searches for the action sequence with the largest return, for B problems at once.

    A planner knows no model and keeps no state: it takes a warm start and returns the next one. All B problems use the
    same random numbers, or each those of its own generator, so a problem gets the same plan alone and in a batch. A
    return that is NaN or infinite ranks last.

    Args of the base:
        action_low, action_high: (act,) finite bounds in physical units; every candidate lies within.
            The search runs on their device.
        horizon: steps L of a plan.
        candidates: sequences N that are tried per problem (and per iteration, where there are several).

    Raises:
        ConfigurationError: an option is out of its range.
    """

    def __init__(self, action_low: Bounds, action_high: Bounds, *, horizon: int, candidates: int) -> None:
        self.action_low = torch.as_tensor(action_low, dtype=torch.float32)
        self.action_high = torch.as_tensor(action_high, dtype=torch.float32)
        self.horizon = horizon
        self.candidates = candidates
        require_option(horizon >= 1, f"horizon={horizon}: plan at least one step")
        require_option(candidates >= 1, f"candidates={candidates}: try at least one sequence")
        shapes = tuple(self.action_low.shape), tuple(self.action_high.shape)
        require_option(
            len(shapes[0]) == 1 and shapes[0] == shapes[1], f"action bounds need one shape (act,), got {shapes}"
        )
        finite = bool(torch.isfinite(self.action_low).all() and torch.isfinite(self.action_high).all())
        require_option(
            finite and bool((self.action_low < self.action_high).all()),
            f"action bounds must be finite with low < high, got {self.action_low.tolist()} and "
            f"{self.action_high.tolist()}: rescale the actions of the environment (gymnasium's RescaleAction)",
        )

    @property
    def action_dim(self) -> int:
        """Size of one action."""
        return self.action_low.shape[0]

    @property
    def middle(self) -> Tensor:
        """(act,): the middle of the box."""
        return (self.action_low + self.action_high) / 2

    @property
    def half_range(self) -> Tensor:
        """(act,): from the middle of the box to its bounds; noise is scaled by it."""
        return (self.action_high - self.action_low) / 2

    @abstractmethod
    def initial_state(self, batch_size: int) -> PlannerState:
        """The state from which the first search of `batch_size` episodes starts."""

    @abstractmethod
    def plan(self, objective: Objective, state: PlannerState, generator: Generators = None) -> Plan:
        """Search for the best action sequences of B problems.

        Args:
            objective: maps (B, N, L, act) to (B, N).
            state: of batch size B, from `initial_state` or the last plan.
            generator: source of all randomness, on the device of the bounds; or one for each problem.

        Raises:
            ShapeError: the objective returned another shape than (B, N).
        """

    def evaluate(self, objective: Objective, candidates: Tensor) -> Tensor:
        """Returns (B, N) of the candidates (B, N, L, act), -inf in place of values that are not finite."""
        values = objective(candidates)
        if values.shape != candidates.shape[:2]:
            raise ShapeError(
                f"an objective must return one value per candidate, {tuple(candidates.shape[:2])}, "
                f"got {tuple(values.shape)}"
            )
        return values.masked_fill(~values.isfinite(), -torch.inf)


def shift(actions: Tensor) -> Tensor:
    """Drop the first step of sequences (..., L, act), which is executed, and repeat the last one."""
    return torch.cat([actions[..., 1:, :], actions[..., -1:, :]], dim=-2)


def take_best(candidates: Tensor, values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Select the `count` best sequences (B, count, L, act) and their values (B, count), best first."""
    best, index = values.topk(count, dim=1)
    return candidates.gather(1, index[:, :, None, None].expand(-1, -1, *candidates.shape[2:])), best


def require_option(condition: bool, message: str) -> None:
    """Raise ConfigurationError with `message` unless `condition` holds."""
    if not condition:
        raise ConfigurationError(message)


@dataclass(frozen=True, repr=False)
class Plan(TensorRecord):
    """The best action sequence found for each of B problems, in physical units."""

    action: Tensor
    """(B, act): the action to execute now, the first of `actions`."""
    actions: Tensor
    """(B, L, act)."""
    value: Tensor
    """(B,): value of `actions` under the objective; -inf where no candidate had a finite return."""
    state: PlannerState
    """Where the next search of the same episodes starts."""


@dataclass(frozen=True, repr=False)
class PlannerState(TensorRecord):
    """The warm start of the next search, already shifted by the action that is executed in between."""

    mean: Tensor
    """(B, L, act): where the search starts."""
    elites: Tensor
    """(B, K, L, act): good sequences to try again; K may be 0."""
