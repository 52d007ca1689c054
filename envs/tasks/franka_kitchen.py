"""The FrankaKitchen task: reward and success of the seven subtasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rendering import FrankaKitchenRenderer
from mbrl_mts3.envs.rewards import KITCHEN_GOALS, KITCHEN_RADIUS, KitchenGoals, KitchenReward
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.terminations import KitchenFinished, NeverTerminates
from mbrl_mts3.errors import ConfigurationError

FINISHED = "finished_tasks"


class FrankaKitchenTask(Task):
    """Complete several kitchen tasks in any order; each is rewarded once, when it is first complete.

    A finished task stays finished, even if its object is moved back: the set of finished tasks is the task's goal
    tensor, (B, K) of zeros and ones. An imagined episode starts with the tasks that are complete at its first
    observation. Real observations do not hold this set; there, only tasks that are complete at present count.

    Args:
        tasks: some of `KITCHEN_GOALS`; None takes those of the environment after `prepare`, and all before.
        once: whether a task is rewarded only once; otherwise each step is rewarded for all that are complete (the
            environment's `remove_task_when_completed`). None takes it from the environment, and True before that.
        ends: whether the episode ends when all are finished (`terminate_on_tasks_completed`). None as for `once`.

    Raises:
        ConfigurationError: an unknown task, or an empty list.
    """

    name = "FrankaKitchen"

    def __init__(self, tasks: Sequence[str] | None = None, once: bool | None = None, ends: bool | None = None) -> None:
        unknown = [name for name in tasks or () if name not in KITCHEN_GOALS]
        if unknown or (tasks is not None and not tasks):
            raise ConfigurationError(f"unknown tasks {unknown}: choose some of {', '.join(KITCHEN_GOALS)}")
        self.tasks = None if tasks is None else tuple(tasks)
        self.once = once
        self.ends = ends

    def prepare(self, environment: gymnasium.Env[Any, Any]) -> FrankaKitchenTask:
        simulator: Any = environment.unwrapped
        if not hasattr(simulator, "remove_task_when_completed"):
            raise ConfigurationError(f"{environment} has no tasks to complete: this task needs FrankaKitchen")
        available = tuple(simulator.goal)
        missing = [name for name in self.tasks or () if name not in available]
        if missing:
            asked = ", ".join(self.tasks or ())
            raise ConfigurationError(
                f"the environment was made without the tasks {', '.join(missing)}: make it with "
                f"environment_options={{tasks_to_complete: [{asked}]}}, or ask for some of {', '.join(available)}"
            )
        return FrankaKitchenTask(
            self.tasks or available,
            simulator.remove_task_when_completed if self.once is None else self.once,
            simulator.terminate_on_tasks_completed if self.ends is None else self.ends,
        )

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the K tasks."""
        return self.tasks or tuple(KITCHEN_GOALS)

    def columns(self, selector: ObservationSelector) -> tuple[int, ...]:
        names = [joint for task in self.chosen for joint in KITCHEN_GOALS[task]]
        return selector.require(names, f"the reward of {self.name}")

    def reward_function(self, observation: Any, selector: ObservationSelector) -> KitchenReward:
        return KitchenReward(self._goals(selector), _finished(observation), self.once is not False)

    def termination_function(
        self, observation: Any, selector: ObservationSelector
    ) -> KitchenFinished | NeverTerminates:
        return NeverTerminates() if self.ends is False else self.success_function(observation, selector)

    def success_function(self, observation: Any, selector: ObservationSelector) -> KitchenFinished:
        return KitchenFinished(self._goals(selector), _finished(observation))

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool:
        """Whether all tasks are finished by the environment's info; without it, whether all are complete at present."""
        finished = info.get("episode_task_completions")
        if finished is not None:
            return set(self.chosen) <= set(finished)
        achieved = observation["achieved_goal"]
        return all(
            float(np.linalg.norm(np.asarray(achieved[task]) - list(KITCHEN_GOALS[task].values()))) < KITCHEN_RADIUS
            for task in self.chosen
        )

    def sample_goals(
        self, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        return self._goals(selector).reached(observation).to(observation.dtype)

    def next_goals(
        self, goal: Tensor, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        return torch.maximum(goal, self._goals(selector).reached(observation).to(goal.dtype))

    def raw_entries(self, observation: Tensor, goal: Tensor | None, selector: ObservationSelector) -> dict[str, Tensor]:
        entries = {} if goal is None else {FINISHED: goal}
        found = self._goals(selector)
        for task, columns, wanted in zip(self.chosen, found.columns, found.goals, strict=True):
            achieved = observation[..., list(columns)]
            entries[f"achieved_goal/{task}"] = achieved
            entries[f"desired_goal/{task}"] = observation.new_tensor(wanted).expand_as(achieved)
        return entries

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> FrankaKitchenRenderer:
        return FrankaKitchenRenderer(environment, selector)

    def _goals(self, selector: ObservationSelector) -> KitchenGoals:
        columns = iter(self.columns(selector))
        return KitchenGoals(
            columns=tuple(tuple(next(columns) for _ in KITCHEN_GOALS[task]) for task in self.chosen),
            goals=tuple(tuple(KITCHEN_GOALS[task].values()) for task in self.chosen),
        )


def _finished(observation: Any) -> Tensor | None:
    """Finished tasks (B, K) of an imagined observation; None for a real one."""
    if not isinstance(observation, Mapping) or FINISHED not in observation:
        return None
    return torch.as_tensor(observation[FINISHED])
