"""Transitions of real episodes, as policies that train in imagination take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import BaseBuffer, DictReplayBuffer, ReplayBuffer
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.envs.world_model import ImaginedState, WorldModelDynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.tensor_record import TensorRecord

_GOES_ON: dict[str, Any] = {"TimeLimit.truncated": False}
_CUT: dict[str, Any] = {"TimeLimit.truncated": True}


@dataclass(frozen=True)
class Transitions:
    """Transitions of B episodes, one of each, as replay buffers of Stable-Baselines3 hold them."""

    observations: Any
    """Raw, arrays (B, d) or (nested) dicts of such."""
    actions: np.ndarray
    """(B, act), scaled to [-1, 1] as replay buffers hold them."""
    rewards: np.ndarray
    """(B,)."""
    next_observations: Any
    """As `observations`: what the transition led to, also where an episode ends there."""
    terminated: np.ndarray
    """(B,) bool: nothing is to be gained from there on."""
    truncated: np.ndarray
    """(B,) bool: cut there for another reason, so that the value of `next_observations` still counts."""

    def __len__(self) -> int:
        """B."""
        return len(self.actions)

    def add_to(self, buffer: BaseBuffer) -> None:
        """Store them in a buffer of B environments, in one call."""
        cut = (self.truncated & ~self.terminated).tolist()
        buffer.add(
            self.observations,
            self.next_observations,
            self.actions,
            self.rewards,
            self.terminated | self.truncated,
            [_CUT if c else _GOES_ON for c in cut],
        )

    def as_buffer(self, observation_space: Any, action_space: Any, device: Any = "cpu") -> ReplayBuffer:
        """A buffer that holds just these."""
        kind = DictReplayBuffer if isinstance(self.observations, dict) else ReplayBuffer
        buffer = kind(len(self), observation_space, action_space, device=device, n_envs=len(self))
        self.add_to(buffer)
        return buffer


@torch.no_grad()
def real_transitions(dynamics: WorldModelDynamics, episodes: Sequence[Episode], seed: int = 0) -> Transitions:
    """All transitions of episodes, in the observations that the dynamics show.

    Rewards and ends are those of the data. Where the task has goals, the data's own are not what imagined episodes
    are about: each transition gets a goal as an imagined episode that begins there would, and the task's reward and
    end under it.

    Args:
        dynamics: of the imagined episodes that these will be mixed with.
        episodes: with the observations that the model sees, in physical units.
        seed: of the goals.
    """

    def joined(parts: list[np.ndarray]) -> Tensor:
        return torch.as_tensor(np.concatenate(parts), device=dynamics.device)

    now = joined([episode.observations[:-1] for episode in episodes])
    later = joined([episode.observations[1:] for episode in episodes])
    actions = joined([episode.actions for episode in episodes])
    generator = torch.Generator(dynamics.device).manual_seed(seed)
    goal = dynamics.task.sample_goals(now, dynamics.selector, generator)
    before, after = _state(now, goal), _state(later, goal)
    if goal is None:
        rewards = np.concatenate([episode.rewards for episode in episodes])
        terminated = np.concatenate([episode.terminations for episode in episodes])
    else:
        rewards = dynamics.reward(before, actions, after).cpu().numpy()
        terminated = dynamics.terminal(after).cpu().numpy()
    return Transitions(
        observations=dynamics.observation_arrays(before),
        actions=scale_actions(actions.cpu().numpy(), dynamics.action_space),
        rewards=rewards,
        next_observations=dynamics.observation_arrays(after),
        terminated=terminated,
        truncated=np.concatenate([_last(episode) for episode in episodes]) & ~terminated,
    )


def _state(observation: Tensor, goal: Tensor | None) -> ImaginedState:
    """A time step of the data as a state of the dynamics; nothing was imagined on the way there."""
    zeros = observation.new_zeros(len(observation))
    return ImaginedState(TensorRecord(), observation, zeros.long(), zeros, zeros, goal)


def _last(episode: Episode) -> np.ndarray:
    return np.asarray(np.arange(len(episode)) == len(episode) - 1)


def oversample_episode_starts(episodes: Sequence[Episode], steps: int, copies: int) -> list[Episode]:
    """The episodes, with so many more copies of their first steps.

    A policy is judged from the beginning of episodes, but of long ones the beginning is a small part of the data: where
    it is not stressed, learning is free to forget how to get going.

    Args:
        episodes: are not changed.
        steps: of each episode; the repeated pieces are as if cut there.
        copies: 0 for the data as they are.

    Raises:
        ConfigurationError: a number out of range.
    """
    if steps < 1 or copies < 0:
        raise ConfigurationError(
            f"oversampled starts need at least 1 step and 0 copies or more, got steps={steps} and copies={copies}"
        )
    return [*episodes, *(_first(episode, steps) for episode in episodes if len(episode) > steps for _ in range(copies))]


def _first(episode: Episode, steps: int) -> Episode:
    return Episode(
        episode.observations[: steps + 1],
        episode.actions[:steps],
        episode.rewards[:steps],
        episode.terminations[:steps],
        episode.truncations[:steps],
        episode_id=episode.episode_id,
    )


def scale_actions(actions: np.ndarray, space: spaces.Box) -> np.ndarray:
    """Actions (B, act) of the space, scaled to [-1, 1]; those beyond the bounds are moved to them."""
    inside = np.clip(actions, space.low, space.high)
    return np.asarray(2.0 * (inside - space.low) / (space.high - space.low) - 1.0, np.float32)


def unscale_actions(actions: Tensor, space: spaces.Box) -> Tensor:
    """The inverse of `scale_actions`."""
    low, high = (
        torch.as_tensor(bound, dtype=actions.dtype, device=actions.device) for bound in (space.low, space.high)
    )
    return low + 0.5 * (actions + 1.0) * (high - low)
