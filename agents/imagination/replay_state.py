"""What a replay buffer holds, in a form that needs no pickle."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer

_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def replay_state(buffer: ReplayBuffer) -> dict[str, Any]:
    """Tensors of the filled slots, and where the next one goes."""
    filled = buffer.size()
    arrays = {name: _map(getattr(buffer, name), lambda a: torch.from_numpy(a[:filled].copy())) for name in _ARRAYS}
    return {"pos": buffer.pos, "full": buffer.full, **arrays}


def load_replay_state(buffer: ReplayBuffer, state: dict[str, Any]) -> None:
    """Fill a buffer of the same sizes."""
    buffer.pos, buffer.full = state["pos"], state["full"]
    for name in _ARRAYS:
        _fill(getattr(buffer, name), state[name])


def _map(value: Any, function: Any) -> Any:
    return {key: _map(part, function) for key, part in value.items()} if isinstance(value, dict) else function(value)


def _fill(target: Any, value: Any) -> None:
    if isinstance(target, dict):
        for key, part in target.items():
            _fill(part, value[key])
    else:
        array: np.ndarray = value.numpy()
        target[: len(array)] = array
