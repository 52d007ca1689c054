"""Steps of many episodes, as Stable-Baselines3's replay buffers take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.buffers import BaseBuffer, DictReplayBuffer, ReplayBuffer

_GOES_ON: dict[str, Any] = {"TimeLimit.truncated": False}
_CUT: dict[str, Any] = {"TimeLimit.truncated": True}


@dataclass(frozen=True)
class Transitions:
    """B transitions, one of each of B episodes."""

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
