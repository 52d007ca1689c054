"""Base class of tasks: reward, termination and success of an environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.rendering import SceneRenderer
from mbrl_mts3.envs.terminations import TerminationFunction
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners.objective import RewardFunction


class Task(ABC):
    """Base class of tasks: the reward, when an episode ends and when it has succeeded. Tasks are immutable.

    A task is all that a custom environment needs for planning and for training in imagination; every method but
    `reward_function` has a default. Observations are *selected* where they are tensors (the entries that the model
    observes) and *raw* where they have the environment's own layout. A goal is whatever a task has to remember during
    an episode, g numbers for each environment.
    """

    name: ClassVar[str]
    learns: ClassVar[bool] = False
    """Whether `fit` needs the data."""
    observation_names: ClassVar[tuple[str, ...]] = ()
    """Names of the observations that the reward needs."""

    def prepare(self, environment: gymnasium.Env[Any, Any]) -> Task:
        """Return the task with what it needs from the environment, the walls of a maze for example.

        Raises:
            ConfigurationError: the environment is not one of this task.
        """
        return self

    def fit(self, episodes: Sequence[Episode]) -> Task:
        """Return the task with what it learns from the data, for tasks that learn; called where data are at hand.

        Args:
            episodes: as the model observes them, in physical units.
        """
        return self

    def columns(self, selector: ObservationSelector) -> tuple[int, ...]:
        """Columns of `observation_names` in a selected observation.

        Raises:
            UnknownObservationError: the model does not observe one of them, so the task has no reward.
        """
        return selector.require(self.observation_names, f"the reward of {self.name}")

    @abstractmethod
    def reward_function(self, observation: Any, selector: ObservationSelector) -> RewardFunction | None:
        """The reward function of transitions between selected observations; None takes the model's reward head.

        Args:
            observation: raw observation of a batch of B environments: an array or tensor (B, d) or a dict of such.
                Goals are read from it.
            selector: the entries that the model observes.

        Raises:
            UnknownObservationError: the model does not observe what the reward needs.
            ConfigurationError: the task was not prepared, or the observation holds no goal.
        """

    def termination_function(self, observation: Any, selector: ObservationSelector) -> TerminationFunction | None:
        """The function that tells which selected observations end an episode.

        None takes the model's termination head, if it has one.
        Arguments and errors are those of `reward_function`.
        """
        return None

    def success(self, observation: Any, info: Mapping[str, Any]) -> bool | None:
        """Whether one environment has reached its goal; None for a task without a goal.

        Args:
            observation: raw observation, not batched.
            info: of the same step.
        """
        reached = info.get("success")
        return None if reached is None else bool(reached)

    def success_function(self, observation: Any, selector: ObservationSelector) -> TerminationFunction | None:
        """The function that tells which selected observations reach the goal; None for a task without a goal.

        Arguments and errors are those of `reward_function`.
        """
        return None

    def sample_goals(
        self, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor | None:
        """Sample goals (B, g) of episodes that start at selected observations (B, obs), as the environment does.

        Raises:
            ConfigurationError: the task was not prepared.
        """
        return None

    def next_goals(
        self, goal: Tensor, observation: Tensor, selector: ObservationSelector, generator: torch.Generator | None
    ) -> Tensor:
        """The goals (B, g) of the next step; a new one where a selected observation (B, obs) has reached its goal."""
        return goal

    def raw_entries(self, observation: Tensor, goal: Tensor | None, selector: ObservationSelector) -> dict[str, Tensor]:
        """Entries (B, d) of raw dict observations that the model need not predict, by key.

        Keys of nested dicts are joined by "/". The entries are goals, and what follows from selected observations
        (B, obs). A key that the space does not have is passed to the functions of the task only, not to the agent.
        """
        return {}

    def goal_reward(self, achieved: Array, desired: Array) -> Array:
        """Rewards (B,) of what was achieved (B, g) under goals (B, g), as Gymnasium-Robotics' `compute_reward`.

        Hindsight replay asks for it.

        Raises:
            ConfigurationError: the reward of the task is no function of the two.
        """
        raise ConfigurationError(
            f"the reward of {self.name} is no function of achieved and desired goals alone, which hindsight replay "
            "needs: choose another task, or another replay buffer"
        )

    def renderer(self, environment: gymnasium.Env[Any, Any], selector: ObservationSelector) -> SceneRenderer | None:
        """The renderer of selected observations with the simulator of `environment`; None for a task without one.

        Raises:
            UnknownObservationError: the model does not observe what the renderer needs.
        """
        return None
