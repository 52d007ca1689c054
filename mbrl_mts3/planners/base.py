"""Base class of the planners, the plan that they return and the warm start of the next search."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.memory import require_memory_of_numbers
from mbrl_mts3.planners.action_noise import Generators, coloured_noise
from mbrl_mts3.planners.data_noise import DataNoise
from mbrl_mts3.planners.stopwatch import Stopwatch
from mbrl_mts3.tensor_record import TensorRecord

Objective = Callable[[Tensor], Tensor]
"""Returns (B, N) of the action sequences (B, N, L, act): the larger, the better."""

Bounds = Tensor | np.ndarray | Sequence[float]


@dataclass(eq=False, kw_only=True)
class Planner(ABC):
    """Searches for the action sequence with the largest return, for B problems at once.

    A planner knows no model and keeps no state: it takes a warm start and returns the next one. All B problems use the
    same random numbers, or each those of its own generator, so a problem gets the same plan alone and in a batch. A
    return that is NaN or infinite ranks last.

    With a budget a search ends before the iteration that would exceed it, judged by the longest one so far, and returns
    the best plan found by then. The first iteration is always done; a planner for which the budget is too short even
    for that says so once, in a warning.

    Args of the base:
        action_low, action_high: (act,) finite bounds in physical units; every candidate lies within.
            The search runs on their device.
        horizon: steps L of a plan.
        candidates: sequences N that are tried per problem (and per iteration, where there are several).
        noise_beta: exponent of the noise of sampled sequences: 0 white, 1 pink, 2 brown; larger values are smoother.
        noise_std: standard deviation of that noise, at first, in units of half the action range; samples are clipped
            at the bounds.
        noise: noise with the autocovariance of the data in place of coloured one; `noise_std` then counts in units of
            the data's deviation, entry by entry.
        budget_ms: milliseconds of one search, for all its problems together; None sets no limit.

    Attributes:
        low, high: (act,) the bounds, as tensors.

    Raises:
        ConfigurationError: an option is out of its range.
    """

    differentiates: ClassVar[bool] = False
    """Whether the search needs gradients of the objective; its tensors must not be made in inference mode then."""

    uses_data: ClassVar[bool] = False
    """Whether the planner has to be given data, by `fit`, before it plans."""

    action_low: InitVar[Bounds] = field(kw_only=False)
    action_high: InitVar[Bounds] = field(kw_only=False)
    horizon: int = 30
    candidates: int = 300
    noise_beta: float = 1.0
    noise_std: float = 0.5
    budget_ms: float | None = None
    noise: DataNoise | None = None
    low: Tensor = field(init=False)
    high: Tensor = field(init=False)
    _budget_warned: bool = field(default=False, init=False)

    def __post_init__(self, action_low: Bounds, action_high: Bounds) -> None:
        self.low = torch.as_tensor(action_low, dtype=torch.float32)
        self.high = torch.as_tensor(action_high, dtype=torch.float32)
        shapes = tuple(self.low.shape), tuple(self.high.shape)
        require_option(
            len(shapes[0]) == 1 and shapes[0] == shapes[1], f"action bounds need one shape (act,), got {shapes}"
        )
        finite = bool(torch.isfinite(self.low).all() and torch.isfinite(self.high).all())
        require_option(
            finite and bool((self.low < self.high).all()),
            f"action bounds must be finite with low < high, got {self.low.tolist()} and "
            f"{self.high.tolist()}: rescale the actions of the environment (gymnasium's RescaleAction)",
        )
        self.check_options()
        # Their noise, its spectrum and the sequences themselves, for one problem.
        require_memory_of_numbers(
            3 * self.candidates * self.horizon * self.action_dim,
            f"candidates={self.candidates} of horizon={self.horizon}",
        )

    def check_options(self) -> None:
        """Check the options, all but the bounds, and prepare what depends on them alone.

        Raises:
            ConfigurationError: one is out of its range.
        """
        require_option(self.horizon >= 1, f"horizon={self.horizon}: plan at least one step")
        require_option(self.candidates >= 1, f"candidates={self.candidates}: try at least one sequence")
        require_option(self.noise_beta >= 0, f"noise_beta={self.noise_beta}: the exponent is 0 (white) or more")
        require_option(self.noise_std > 0, f"noise_std={self.noise_std}: must be positive")
        require_option(
            self.budget_ms is None or self.budget_ms > 0, f"budget_ms={self.budget_ms}: expected more than 0, or null"
        )

    @property
    def action_dim(self) -> int:
        """Size of one action."""
        return self.low.shape[0]

    @property
    def middle(self) -> Tensor:
        """(act,): the middle of the box."""
        return (self.low + self.high) / 2

    @property
    def half_range(self) -> Tensor:
        """(act,): from the middle of the box to its bounds; noise is scaled by it."""
        return (self.high - self.low) / 2

    @property
    def first_std(self) -> Tensor:
        """(act,): standard deviation of the noise at first, in physical units."""
        return self.noise_std * (self.half_range if self.noise is None else self.noise.std.to(self.low))

    def fit(self, episodes: Sequence[Episode], scale: Tensor) -> Planner:
        """The planner with the data that it needs; this one where it needs none.

        Args:
            episodes: that the model was trained on, in physical units.
            scale: (obs,), what counts as one unit of distance in each entry of an observation.

        Raises:
            ConfigurationError: the data does not suffice.
        """
        return self

    def initial_state(self, batch_size: int) -> PlannerState:
        """The state from which the first search of `batch_size` episodes starts."""
        mean = self.middle.expand(batch_size, self.horizon, self.action_dim).clone()
        return PlannerState(mean=mean, elites=mean[:, None, :, :][:, :0])

    def plan(self, objective: Objective, state: PlannerState, generator: Generators = None) -> Plan:
        """Search for the best action sequences of B problems.

        Args:
            objective: maps (B, N, L, act) to (B, N).
            state: of batch size B, from `initial_state` or the last plan.
            generator: source of all randomness, on the device of the bounds; or one for each problem.

        Raises:
            ShapeError: the objective returned another shape than (B, N).
        """
        watch = Stopwatch(self.budget_ms, self.low.device)
        found = self.search(objective, state, generator, watch)
        milliseconds = watch.milliseconds()
        if self.budget_ms is not None and watch.iterations == 1 and milliseconds > self.budget_ms:
            self._warn_of_budget(len(found.actions))
        return Plan(
            action=found.actions[:, 0],
            actions=found.actions,
            value=found.value,
            spread=_finite_spread(found.candidate_values),
            milliseconds=torch.full_like(found.value, milliseconds),
            iterations=torch.full_like(found.value, watch.iterations, dtype=torch.int64),
            state=found.state,
        )

    @abstractmethod
    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        """The search of `plan`, which takes the same arguments.

        Args:
            watch: told of each iteration's end by `allows_another`, and obeyed.
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

    def sample(self, mean: Tensor, std: Tensor, count: int, noise_beta: float, generator: Generators) -> Tensor:
        """Sample sequences (B, count, L, act) around a mean (B, L, act) with coloured noise, clipped at the bounds.

        Args:
            std: (B, L, act) or what broadcasts to it, in physical units.
            noise_beta: see `coloured_noise`.
        """
        noise = self.sample_noise(count, noise_beta, generator)
        return torch.addcmul(mean[:, None], noise, std[:, None]).clamp(self.low, self.high)

    def sample_noise(self, count: int, noise_beta: float, generator: Generators) -> Tensor:
        """Standard normal noise (count, L, act), (B, count, L, act) with a generator for each problem."""
        if self.noise is not None:
            return self.noise.sample(count, self.horizon, generator)
        return coloured_noise((count, self.action_dim, self.horizon), noise_beta, generator).transpose(-1, -2)

    def _warn_of_budget(self, problems: int) -> None:
        if self._budget_warned:
            return
        self._budget_warned = True
        warnings.warn(
            f"budget_ms={self.budget_ms} was too short for one iteration of {type(self).__name__} with "
            f"{self.candidates} candidates and horizon {self.horizon} (problems at once: {problems}). Such a search "
            "does one iteration and takes longer than its budget; this is said once. Raise the budget, or lower "
            "candidates, horizon or problems",
            stacklevel=4,
        )


def _finite_spread(values: Tensor) -> Tensor:
    """Standard deviation (B,) of those values (B, N) that are finite; 0 where there are fewer than two."""
    finite = values.isfinite()
    count = finite.sum(dim=1).clamp(min=1)
    mean = values.where(finite, 0).sum(dim=1) / count
    squares = (values - mean[:, None]).square().where(finite, 0)
    return (squares.sum(dim=1) / count).sqrt()


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
    spread: Tensor
    """(B,): standard deviation of the finite values of all candidates of the last iteration."""
    milliseconds: Tensor
    """(B,): of the whole search; the problems of a batch share it."""
    iterations: Tensor
    """(B,) int64: that were done, as many for all problems of a batch."""
    state: PlannerState
    """Where the next search of the same episodes starts."""


@dataclass(frozen=True, repr=False)
class Found(TensorRecord):
    """What a search ends with."""

    actions: Tensor
    """(B, L, act)."""
    value: Tensor
    """(B,)."""
    candidate_values: Tensor
    """(B, N): of the last iteration."""
    state: PlannerState


@dataclass(frozen=True, repr=False)
class PlannerState(TensorRecord):
    """The warm start of the next search, already shifted by the action that is executed in between."""

    mean: Tensor
    """(B, L, act): where the search starts."""
    elites: Tensor
    """(B, K, L, act): good sequences to try again; K may be 0."""
