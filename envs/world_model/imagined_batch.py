"""What all shells share: the state and the randomness of imagined episodes, with NumPy at the edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.imagined_outcome import BoolVector, ImaginedOutcome
from mbrl_mts3.envs.world_model.imagined_state import ImaginedState
from mbrl_mts3.errors import ConfigurationError, ShapeError

TIME_LIMIT = "time_limit"
UNCERTAINTY = "uncertainty"


class ImaginedBatch:
    """B episodes of one dynamics that run side by side.

    Args:
        dynamics: may be shared with other batches.
        size: B, at least 1.
    """

    def __init__(self, dynamics: WorldModelDynamics, size: int) -> None:
        if size < 1:
            raise ConfigurationError(f"expected at least one environment, got {size}")
        self.dynamics = dynamics
        self.size = size
        self.seeded = False
        self._generator = torch.Generator(dynamics.device)
        self._state: ImaginedState | None = None

    def seed(self, seed: int) -> None:
        """Make all that follows repeatable."""
        self._generator.manual_seed(seed)
        self.seeded = True

    @property
    def state(self) -> ImaginedState:
        """Where the episodes are.

        Raises:
            ConfigurationError: none has begun.
        """
        if self._state is None:
            raise ConfigurationError("no episode has begun: call reset() before step()")
        return self._state

    @torch.inference_mode()
    def restart(self, which: BoolVector | None = None) -> None:
        """Begin new episodes in place of all, or of those where `which` (B,) holds."""
        if which is None or which.all() or self._state is None:
            self._state = self.dynamics.initial(self.size, self._generator)
            return
        index = torch.as_tensor(np.flatnonzero(which), device=self.dynamics.device)
        self._state = self._state.put(index, self.dynamics.initial(len(index), self._generator))

    @torch.inference_mode()
    def step(self, actions: np.ndarray) -> ImaginedOutcome:
        """Advance all episodes by actions (B, act).

        Raises:
            ShapeError: another number or size of actions.
            NonFiniteError: what is imagined is NaN or infinite.
        """
        action = self._tensor(actions)
        before, dynamics = self.state, self.dynamics
        after = dynamics.transition(before, action, self._generator)
        late, doubtful = _array(dynamics.time_limit_reached(after)), _array(dynamics.budget_exceeded(after))
        self._state = after
        return ImaginedOutcome(
            rewards=_array(dynamics.reward(before, action, after)).astype(np.float64),
            terminated=_array(dynamics.terminal(after)),
            truncated=late | doubtful,
            infos=self._infos(after, late, doubtful),
        )

    @torch.inference_mode()
    def observations(self) -> Any:
        """Raw observations of all, as new arrays (B, d) in the layout of the space."""
        return self.dynamics.observation_arrays(self.state)

    def _infos(self, state: ImaginedState, late: BoolVector, doubtful: BoolVector) -> dict[str, np.ndarray]:
        infos: dict[str, np.ndarray] = {}
        if self.dynamics.uncertainty.kind != "none":
            infos["uncertainty"] = _array(state.uncertainty).astype(np.float64)
        success = self.dynamics.success(state)
        if success is not None:
            infos["success"] = _array(success)
        if late.any() or doubtful.any():
            reasons = np.full(self.size, None, dtype=object)
            reasons[late] = TIME_LIMIT
            reasons[doubtful] = UNCERTAINTY
            infos["truncation"] = reasons
        return infos

    def _tensor(self, actions: np.ndarray) -> Tensor:
        expected = (self.size, *self.dynamics.action_space.shape)
        if np.shape(actions) != expected:
            raise ShapeError(f"actions need the shape {expected}, got {np.shape(actions)}")
        return torch.as_tensor(np.asarray(actions, dtype=np.float32), device=self.dynamics.device)


def pick(raw: Any, index: int) -> Any:
    """The observation of one environment, of batched arrays or dicts of such; its arrays are its own."""
    return {key: pick(part, index) for key, part in raw.items()} if isinstance(raw, dict) else raw[index].copy()


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
