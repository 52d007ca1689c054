"""Agents to compare with: random actions, an agent with added action noise, and one that holds missing observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents.base import Agent, batch_size
from mbrl_mts3.data.observations import choose_observation, copy_observation
from mbrl_mts3.errors import ConfigurationError


class RandomAgent:
    """Actions sampled uniformly from the action space; the state counts the calls. Implements `Agent`.

    Args:
        action_space: with finite bounds.
        seed: the same seed and the same calls give the same actions.
    """

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
        state: int | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, int]:
        """Sample actions uniformly; see `Agent.predict`. `deterministic` changes nothing."""
        calls = state or 0
        rng = np.random.default_rng((self.seed, calls))
        batch = batch_size(observation)
        shape = self.action_space.shape if batch is None else (batch, *self.action_space.shape)
        sampled = rng.uniform(self.action_space.low, self.action_space.high, shape)
        return sampled.astype(self.action_space.dtype), calls + 1


@dataclass(eq=False)
class NoisyAgent:
    """Another agent's actions with Gaussian noise on top, clipped to the action space. Implements `Agent`.

    Its state is that of the other agent with the number of calls so far.

    Args:
        agent: whose actions are disturbed.
        action_space: with finite bounds.
        deviation: standard deviation of the noise, in half widths of the action space.
        seed: the same seed and the same calls give the same noise.

    Raises:
        ConfigurationError: a deviation that is not above 0, or a space without bounds.
    """

    agent: Agent
    action_space: spaces.Box
    deviation: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.deviation > 0 or not self.action_space.is_bounded():
            raise ConfigurationError(
                f"action noise needs a deviation above 0 and a bounded action space, got {self.deviation} and "
                f"{self.action_space}"
            )

    def predict(
        self,
        observation: Any,
        state: tuple[Any, int] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[Any, int]]:
        """Ask the other agent and add the noise, `deterministic` or not; see `Agent.predict`."""
        inner, calls = state or (None, 0)
        action, inner = self.agent.predict(observation, inner, episode_start, deterministic)
        low, high = self.action_space.low, self.action_space.high
        noise = np.random.default_rng((self.seed, calls)).normal(size=np.shape(action))
        disturbed = action + self.deviation * (high - low) / 2 * noise
        return np.clip(disturbed, low, high).astype(self.action_space.dtype), (inner, calls + 1)


@dataclass(eq=False)
class HoldLastObservation:
    """Another agent that sees the last observation that was shown in place of a missing one. Implements `Agent`.

    Goals are held as well. Its state is that of the other agent with the observation.

    Args:
        agent: that has no belief of its own.
    """

    agent: Agent

    def predict(
        self,
        observation: Any,
        state: tuple[Any, Any] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        shown: np.ndarray | None = None,
    ) -> tuple[np.ndarray, tuple[Any, Any]]:
        """Ask the other agent; see `Agent.predict`.

        Args:
            observation, state, episode_start, deterministic: see `Agent.predict`.
            shown: (B,) bool, False where the observation is missing; None means that all are shown.
        """
        inner, held = state or (None, observation)
        held = copy_observation(observation) if shown is None else choose_observation(shown, observation, held)
        action, inner = self.agent.predict(held, inner, episode_start, deterministic)
        return action, (inner, held)
