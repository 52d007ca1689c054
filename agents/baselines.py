"""Agents to compare with: random actions, an agent with added action noise, and one that holds missing observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents.base import Agent, batch_size
from mbrl_mts3.agents.episode_draws import EpisodeDraws, begin_draws, begin_episodes, sample_actions
from mbrl_mts3.array_types import BoolArray
from mbrl_mts3.data.observations import choose_observation, copy_observation
from mbrl_mts3.errors import ConfigurationError


class RandomAgent:
    """Actions sampled uniformly from the action space. Implements `Agent` and `SeededAgent`.

    The state counts the calls, or the decisions of each episode where these are told apart by their seeds.

    Args:
        action_space: with finite bounds.
        seed: the same seed and the same calls, or the same episodes, give the same actions.
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
        state: int | EpisodeDraws | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, int | EpisodeDraws]:
        """Sample actions uniformly; see `Agent.predict`. `deterministic` changes nothing."""
        space, draws = self.action_space, state or 0
        sampled = sample_actions(
            lambda rng, shape: rng.uniform(space.low, space.high, shape),
            space.shape,
            batch_size(observation),
            self.seed,
            draws,
        )
        return sampled.astype(space.dtype), _after(draws)

    def begin_episodes(self, state: EpisodeDraws | None, seeds: Sequence[int], start: BoolArray) -> EpisodeDraws:
        """See `SeededAgent`."""
        return begin_draws(seeds) if state is None else state.begin(seeds, start)


@dataclass(eq=False)
class NoisyAgent:
    """Another agent's actions with Gaussian noise on top, clipped to the action space.

    Implements `Agent` and `SeededAgent`. Its state is that of the other agent with the number of calls so far, or with
    the decisions of each episode where these are told apart by their seeds.

    Args:
        agent: whose actions are disturbed.
        action_space: with finite bounds.
        deviation: standard deviation of the noise, in half widths of the action space.
        seed: the same seed and the same calls, or the same episodes, give the same noise.

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
        state: tuple[Any, int | EpisodeDraws] | None = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, tuple[Any, int | EpisodeDraws]]:
        """Ask the other agent and add the noise, `deterministic` or not; see `Agent.predict`."""
        inner, draws = state or (None, 0)
        action, inner = self.agent.predict(observation, inner, episode_start, deterministic)
        low, high = self.action_space.low, self.action_space.high
        batch = batch_size(observation)
        noise = sample_actions(lambda rng, shape: rng.normal(size=shape), low.shape, batch, self.seed, draws)
        disturbed = action + self.deviation * (high - low) / 2 * noise
        return np.clip(disturbed, low, high).astype(self.action_space.dtype), (inner, _after(draws))

    def begin_episodes(
        self, state: tuple[Any, EpisodeDraws] | None, seeds: Sequence[int], start: BoolArray
    ) -> tuple[Any, EpisodeDraws]:
        """See `SeededAgent`."""
        inner, draws = state or (None, begin_draws(seeds))
        return begin_episodes(self.agent, inner, seeds, start), draws.begin(seeds, start)


@dataclass(eq=False)
class HoldLastObservation:
    """Another agent that sees the last observation that was shown in place of a missing one.

    Implements `Agent` and `SeededAgent`. Goals are held as well. Its state is that of the other agent with the
    observation.

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
        inner, held = state or (None, None)
        held = observation if held is None else held
        held = copy_observation(observation) if shown is None else choose_observation(shown, observation, held)
        action, inner = self.agent.predict(held, inner, episode_start, deterministic)
        return action, (inner, held)

    def begin_episodes(self, state: tuple[Any, Any] | None, seeds: Sequence[int], start: BoolArray) -> tuple[Any, Any]:
        """See `SeededAgent`."""
        inner, held = state or (None, None)
        return begin_episodes(self.agent, inner, seeds, start), held


def _after(draws: int | EpisodeDraws) -> int | EpisodeDraws:
    return draws.after() if isinstance(draws, EpisodeDraws) else draws + 1
