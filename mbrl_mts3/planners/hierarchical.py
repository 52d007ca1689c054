"""Hierarchical planning: a far plan along the data, and a search of the next steps that follows it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners.action_noise import Generators
from mbrl_mts3.planners.base import Found, Objective, PlannerState, require_option
from mbrl_mts3.planners.data_windows import DataWindows, Walks
from mbrl_mts3.planners.icem import ICEM
from mbrl_mts3.planners.sequences import shift
from mbrl_mts3.planners.stopwatch import Stopwatch
from mbrl_mts3.predictions import MeanPrediction, Prediction
from mbrl_mts3.tensor_record import concatenate


@runtime_checkable
class ImaginingObjective(Protocol):
    """An `Objective` that tells what it imagines, as `RolloutObjective` does."""

    observation: Tensor
    """(B, obs): where plans begin, in physical units."""

    def __call__(self, actions: Tensor) -> Tensor:
        """Returns (B, N) of the action sequences (B, N, L, act)."""
        ...

    def imagine(self, actions: Tensor) -> tuple[Tensor, Prediction | MeanPrediction]:
        """The actions (B, N, L, act) of the sequences, and what is imagined to come of them."""
        ...

    def score(
        self, actions: Tensor, prediction: Prediction | MeanPrediction, *, discount: float | None = None
    ) -> Tensor:
        """Returns (B, N) of actions with what comes of them; `discount` in place of the objective's own."""
        ...


@dataclass(eq=False, kw_only=True)
class Hierarchical(ICEM):
    """Two levels: a far plan of windows of the data, and iCEM over the next steps, drawn to where the far plan leads.

    The far level searches abstract actions, each a window of `window` steps that the data did (see `DataWindows`).
    Every candidate is a walk over the data that begins near the present state; its return is that of the recorded
    observations under the objective's reward and value, discounted by `far_discount`. This needs no model, and no error
    grows with the distance. Every `far_interval` steps new walks compete with the rest of the last far plan, where that
    still begins within `tolerance` of the present state.

    The near level is iCEM with the model. Its candidates also pay `guidance` for each unit of distance between where
    they end and where the far plan is by then, so rewards count where the search sees any, and the far plan leads
    where it sees none.

    Args:
        far_cells: windows of a far plan; together they have at least as many steps as `horizon`.
        far_candidates: walks that are tried when the far level plans.
        far_interval: steps from one planning of the far level to the next.
        far_discount: weight of a step relative to the one before in a far plan; less than 1 prefers early rewards.
        guidance: returns that one unit of distance from the far plan costs.
        tolerance: the largest distance from the last far plan at which its rest is tried again.
        window, stride, neighbours, radius, persistence: see `DataWindows`; the window is its `length`.
    """

    uses_data: ClassVar[bool] = True

    far_cells: int = 20
    far_candidates: int = 64
    far_interval: int = 5
    far_discount: float = 0.99
    guidance: float = 1.0
    tolerance: float = 0.5
    window: int = 15
    stride: int = 5
    neighbours: int = 8
    radius: float = 0.1
    persistence: float = 0.8
    windows: DataWindows | None = field(default=None, init=False)

    def check_options(self) -> None:
        super().check_options()
        require_option(self.window >= 1, f"window={self.window}: expected 1 step or more")
        require_option(self.far_candidates >= 1, f"far_candidates={self.far_candidates}: try at least one walk")
        require_option(self.far_interval >= 1, f"far_interval={self.far_interval}: expected 1 or more")
        require_option(0 < self.far_discount <= 1, f"far_discount={self.far_discount}: expected more than 0, 1 at most")
        require_option(self.guidance >= 0, f"guidance={self.guidance}: expected 0 or more")
        require_option(self.tolerance >= 0, f"tolerance={self.tolerance}: expected 0 or more")
        require_option(
            self.far_cells * self.window >= self.horizon,
            f"far_cells={self.far_cells}: with windows of {self.window} steps a far plan has "
            f"{self.far_cells * self.window}, fewer than horizon={self.horizon}",
        )

    def fit(self, episodes: Sequence[Episode], scale: Tensor) -> Hierarchical:
        twin = copy.copy(self)
        twin.windows = DataWindows(
            episodes,
            scale,
            length=self.window,
            stride=self.stride,
            neighbours=self.neighbours,
            radius=self.radius,
            persistence=self.persistence,
        )
        return twin

    def initial_state(self, batch_size: int) -> HierarchicalState:
        near, length = super().initial_state(batch_size), self.far_cells * self.window
        unknown = self.low.new_zeros(batch_size, length, len(self._fitted.scale))
        actions = self.middle.expand(batch_size, length, self.action_dim).clone()
        age = torch.zeros(batch_size, dtype=torch.int64, device=self.low.device)
        return HierarchicalState(near.mean, near.elites, Walks(actions, unknown, unknown[..., 0]), age)

    def search(self, objective: Objective, state: PlannerState, generator: Generators, watch: Stopwatch) -> Found:
        if not isinstance(objective, ImaginingObjective) or not isinstance(state, HierarchicalState):
            raise ConfigurationError(
                "the far level needs an objective that tells where plans begin and lead to (RolloutObjective), and a "
                f"state of this planner, got {type(objective).__name__} and {type(state).__name__}"
            )
        far = self._look_far(objective, state, generator)
        goal = far.observations[:, self.horizon - 1]

        def guided(candidates: Tensor) -> Tensor:
            actions, prediction = objective.imagine(candidates)
            distance = self._fitted.distance(prediction.mean[:, :, -1], goal[:, None])
            return objective.score(actions, prediction) - self.guidance * distance

        # What the far plan does first takes the place of the last elite.
        own = far.actions[:, None, : self.horizon]
        start = PlannerState(state.mean, torch.cat([state.elites[:, :-1], own], dim=1))
        found = super().search(guided, start, generator, watch)
        value = self.evaluate(objective, found.actions[:, None])[:, 0]
        rest = Walks(shift(far.actions), shift(far.observations), shift(far.rewards[..., None])[..., 0])
        after = HierarchicalState(found.state.mean, found.state.elites, rest, state.age + 1)
        return Found(found.actions, value, found.candidate_values, after)

    @property
    def _fitted(self) -> DataWindows:
        if self.windows is None:
            raise ConfigurationError(
                "the far level walks over windows of data: give the planner its data first, by fit(episodes, scale)"
            )
        return self.windows

    def _look_far(self, objective: ImaginingObjective, state: HierarchicalState, generator: Generators) -> Walks:
        # Drawn at every step, so that the near level meets the same random numbers whether or not this one plans.
        shape, device = (2, self.far_candidates, self.far_cells), self.low.device
        many = generator if isinstance(generator, Sequence) else [generator]
        drawn = torch.stack([torch.rand(shape, generator=one, device=device) for one in many], dim=1)
        due = state.age % self.far_interval == 0
        if not bool(due.any()):
            return state.far
        walks = self._fitted.walk(objective.observation, drawn)
        tried = concatenate([state.far[:, None], walks], dim=1)
        imagined = MeanPrediction(tried.observations, tried.rewards)
        values = self.evaluate(lambda far: objective.score(far, imagined, discount=self.far_discount), tried.actions)
        astray = self._fitted.distance(state.far.observations[:, 0], objective.observation) > self.tolerance
        values[:, 0] = values[:, 0].masked_fill(astray | (state.age == 0), -torch.inf)
        # Where all are level, the first: the last far plan goes on, or else any walk.
        best = values.argmax(dim=1)
        return tried[torch.arange(len(best), device=device), best].where(due, state.far)


@dataclass(frozen=True, repr=False)
class HierarchicalState(PlannerState):
    """The warm start of both levels."""

    far: Walks
    """(B, far_cells * window): the rest of the far plan; its last step is repeated behind its end."""
    age: Tensor
    """(B,) int64: decisions of the episode so far."""
