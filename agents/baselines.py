"""Agents to compare with: uniformly random actions, and an agent with added action noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from mbrl_mts3.agents.base import Agent, SeededAgent, batch_size
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class Decisions(TensorRecord):
    """How far episodes are, as a state of agents."""

    counts: Tensor
    """(B,) int64: decisions of each episode so far."""


class RandomAgent:
    """Actions sampled uniformly from the action space; the state counts the decisions. Implements `SeededAgent`.

    Args:
        action_space: with finite bounds.
        seed: with the episodes' own seeds it says what is sampled.
    """

    draws_by_seed = True

    def __init__(self, action_space: spaces.Box, seed: int = 0) -> None:
        self.action_space = action_space
        self.seed = seed

    @classmethod
    def for_environment(cls, environment: gymnasium.Env[Any, Any], seed: int = 0) -> RandomAgent:
        """An agent for the action space of an environment.

        Raises:
            ConfigurationError: its actions are not a Box with finite bounds.
        """
        space = environment.action_space
        if not isinstance(space, spaces.Box) or not space.is_bounded():
            raise ConfigurationError(f"random actions need a bounded Box, {environment} has {space}")
        return cls(space, seed)

    def predict(
        self,
        observation: Any,
        state: Decisions | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        seeds: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Decisions]:
        """Sample actions uniformly; see `Agent.predict`. `deterministic` changes nothing."""
        batch, space = batch_size(observation), self.action_space
        generators, after = _generators(self.seed, batch or 1, state, episode_start, seeds)
        sampled = np.stack([one.uniform(space.low, space.high) for one in generators]).astype(space.dtype)
        return sampled if batch is not None else sampled[0], after


@dataclass(eq=False)
class NoisyAgent:
    """Another agent's actions with Gaussian noise on top, clipped to the action space. Implements `SeededAgent`.

    Its state is that of the other agent with the decisions so far.

    Args:
        agent: whose actions are disturbed.
        action_space: with finite bounds.
        deviation: standard deviation of the noise, in half widths of the action space.
        seed: with the episodes' own seeds it says what the noise is.

    Raises:
        ConfigurationError: a deviation that is not above 0, or a space without bounds.
    """

    agent: Agent
    action_space: spaces.Box
    deviation: float
    seed: int = 0
    draws_by_seed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.deviation > 0 or not self.action_space.is_bounded():
            raise ConfigurationError(
                f"action noise needs a deviation above 0 and a bounded action space, got {self.deviation} and "
                f"{self.action_space}"
            )

    def predict(
        self,
        observation: Any,
        state: tuple[Any, Decisions] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        seeds: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[Any, Decisions]]:
        """Ask the other agent and add the noise, `deterministic` or not; see `Agent.predict`."""
        inner, decisions = state or (None, None)
        given = {"seeds": seeds} if isinstance(self.agent, SeededAgent) else {}
        action, inner = self.agent.predict(observation, inner, episode_start, deterministic, **given)
        batch, space = batch_size(observation), self.action_space
        generators, after = _generators(self.seed, batch or 1, decisions, episode_start, seeds)
        noise = np.stack([one.normal(size=space.shape) for one in generators]).reshape(np.shape(action))
        disturbed = action + self.deviation * (space.high - space.low) / 2 * noise
        return np.clip(disturbed, space.low, space.high).astype(space.dtype), (inner, after)


def _generators(
    seed: int, rows: int, state: Decisions | None, episode_start: np.ndarray | None, seeds: np.ndarray | None
) -> tuple[list[np.random.Generator], Decisions]:
    """One for each row, of nothing but the two seeds and the decisions so far in its episode; and the next state."""
    counts = torch.zeros(rows, dtype=torch.int64) if state is None else state.counts.clone()
    if episode_start is not None:
        counts[torch.as_tensor(np.atleast_1d(episode_start), dtype=torch.bool)] = 0
    own = range(rows) if seeds is None else seeds.tolist()
    made = [np.random.default_rng((seed, one, count)) for one, count in zip(own, counts.tolist(), strict=True)]
    return made, Decisions(counts + 1)
