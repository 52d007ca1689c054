"""Comparison of the rewards of a task and of a model with those of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.observations import index_observation, stack_observations
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics.reward_errors import RewardErrors
from mbrl_mts3.models.wrappers.physical import PhysicalModel

_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class RewardAudit:
    """Errors of the rewards of a task and of a model against those of the data."""

    analytic: RewardErrors | None
    """Task's reward function on true observations; None for a task that takes the model's reward head."""
    imagined: dict[int, RewardErrors]
    """Task's reward function on imagined observations, by horizon; empty without a model."""
    head: dict[int, RewardErrors]
    """Model's reward head, by horizon; empty without one."""

    @classmethod
    def run(
        cls,
        task: Task,
        selector: ObservationSelector,
        episodes: Sequence[Episode],
        raw: Sequence[Any],
        model: PhysicalModel | None = None,
        *,
        context: int = 30,
        horizons: Sequence[int] = (1, 5, 15, 60),
        max_windows: int = 500,
    ) -> RewardAudit:
        """Compare rewards on episodes.

        Horizon h is the reward of the h-th step after the last observation. Goals are read from o_{t+1}: where a goal
        is replaced once it is reached, that is the goal of the step's reward.

        Args:
            task: prepared.
            selector: of the episodes' observations.
            episodes: physical units; preferably not those of the model's training.
            raw: raw observations of each, see `load_unselected_observations`.
            model: its rewards are compared too, on the CPU.
            context: observed steps before a predicted one.
            horizons: at least one step each.
            max_windows: number of starts at most, evenly spread.

        Raises:
            ConfigurationError: there is no reward to compare, or an option out of range.
            EpisodeTooShortError: no episode is as long as context and horizon.
            UnknownObservationError: the task's reward needs an entry that is not selected.
        """
        if not horizons or min(horizons) < 1 or context < 1 or max_windows < 1:
            raise ConfigurationError(
                f"expected context, max_windows and horizons of at least 1, got {context}, {max_windows}, {horizons}"
            )
        steps = [_task_rewards(task, selector, one, entries) for one, entries in zip(episodes, raw, strict=True)]
        known = [step for step in steps if step is not None]
        analytic = None
        if known:
            true = np.concatenate([episode.rewards for episode in episodes])
            analytic = RewardErrors.from_rewards(np.concatenate(known), true)
        head = model is not None and model.model.predict_reward
        if analytic is None and not head:
            raise ConfigurationError(
                f"{task.name} has no reward function and the model no reward head: choose another task, or a model "
                "trained with model.predict_reward=true"
            )
        if model is None:
            return cls(analytic, {}, {})
        return cls(analytic, *_by_horizon(task, selector, episodes, raw, model, context, horizons, max_windows))

    def to_json(self) -> dict[str, Any]:
        """Numbers by name; horizons are strings."""
        return {
            "analytic": None if self.analytic is None else self.analytic.to_json(),
            "imagined": {str(horizon): errors.to_json() for horizon, errors in self.imagined.items()},
            "head": {str(horizon): errors.to_json() for horizon, errors in self.head.items()},
        }


def _task_rewards(task: Task, selector: ObservationSelector, episode: Episode, raw: Any) -> np.ndarray | None:
    """Rewards (T,) of the task for the true transitions of an episode."""
    function = task.reward_function(index_observation(raw, slice(1, None)), selector)
    if function is None:
        return None
    observations, actions = torch.as_tensor(episode.observations), torch.as_tensor(episode.actions)
    return np.asarray(function(observations[:-1], actions, observations[1:]))


def _by_horizon(
    task: Task,
    selector: ObservationSelector,
    episodes: Sequence[Episode],
    raw: Sequence[Any],
    model: PhysicalModel,
    context: int,
    horizons: Sequence[int],
    max_windows: int,
) -> tuple[dict[int, RewardErrors], dict[int, RewardErrors]]:
    """Errors of the task's rewards on imagined observations and of the reward head, by horizon."""
    starts = _starts(episodes, context, max(horizons), max_windows)
    true, imagined, head = (_RewardsByHorizon(horizons) for _ in range(3))
    for first in range(0, len(starts), _ROWS_AT_ONCE):
        chosen = starts[first : first + _ROWS_AT_ONCE]
        mean, reward, actions = _imagine(model, [(episodes[e], t) for e, t in chosen], context, max(horizons))
        for horizon in horizons:
            true.add(horizon, np.array([episodes[e].rewards[t + horizon - 1] for e, t in chosen]))
            goals = stack_observations([index_observation(raw[e], t + horizon) for e, t in chosen])
            function = task.reward_function(goals, selector)
            if function is not None:
                rewards = function(mean[:, horizon - 1], actions[:, horizon - 1], mean[:, horizon])
                imagined.add(horizon, rewards.numpy())
            if reward is not None:
                head.add(horizon, reward[:, horizon - 1].numpy())
    return imagined.errors(true), head.errors(true)


class _RewardsByHorizon:
    """Rewards by horizon, collected in batches."""

    def __init__(self, horizons: Sequence[int]) -> None:
        self.parts: dict[int, list[np.ndarray]] = {horizon: [] for horizon in horizons}

    def add(self, horizon: int, rewards: np.ndarray) -> None:
        self.parts[horizon].append(rewards)

    def errors(self, true: _RewardsByHorizon) -> dict[int, RewardErrors]:
        return {
            horizon: RewardErrors.from_rewards(np.concatenate(parts), np.concatenate(true.parts[horizon]))
            for horizon, parts in self.parts.items()
            if parts
        }


def _starts(episodes: Sequence[Episode], context: int, horizon: int, limit: int) -> list[tuple[int, int]]:
    """Pairs (episode, t) with a full context before t and a full horizon after it."""
    every = [(e, t) for e, one in enumerate(episodes) for t in range(context, len(one) - horizon + 1)]
    if not every:
        raise EpisodeTooShortError(
            f"a context of {context} and a horizon of {horizon} need an episode of {context + horizon} steps, the "
            f"longest has {max(len(episode) for episode in episodes)}: ask for a shorter context or horizon"
        )
    places = np.linspace(0, len(every) - 1, min(limit, len(every))).round().astype(int)
    return [every[place] for place in places]


@torch.no_grad()
def _imagine(
    model: PhysicalModel, rows: Sequence[tuple[Episode, int]], context: int, horizon: int
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """Means of o_t to o_{t+horizon}, of which the first is observed, rewards of the head, and actions."""

    def cut(name: str, start: int, end: int) -> torch.Tensor:
        return torch.as_tensor(np.stack([getattr(episode, name)[t + start : t + end] for episode, t in rows]))

    belief, _ = model.filter(cut("observations", -context, 0), cut("actions", -context, 0))
    now, actions = cut("observations", 0, 1), cut("actions", 0, horizon)
    prediction = model.imagine(model.observe(belief, now[:, 0]), actions)
    return torch.cat([now, prediction.mean], dim=1), prediction.reward_mean, actions
