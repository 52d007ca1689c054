"""A replay buffer that mixes real and imagined transitions, and its state as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.vec_env import VecNormalize

from mbrl_mts3.errors import ConfigurationError

Samples = Any
"""`ReplayBufferSamples`, or `DictReplayBufferSamples` where observations are dictionaries."""


class MixedReplayBuffer(BaseBuffer):
    """Two replay buffers behind the calls of one; what is added goes to the imagined one.

    A fixed share of each batch is real, as in MBPO (arXiv 1906.08253) and MOPO (arXiv 2005.13239).

    Args:
        imagined: grows.
        real: what the data set holds.
        real_fraction: share of a batch, rounded to whole transitions; all of it while nothing has been imagined.

    Raises:
        ConfigurationError: no such share.
    """

    def __init__(self, imagined: ReplayBuffer, real: ReplayBuffer, real_fraction: float) -> None:
        if not 0 <= real_fraction <= 1:
            raise ConfigurationError(f"real_fraction={real_fraction}: expected a share between 0 and 1")
        super().__init__(
            imagined.buffer_size, imagined.observation_space, imagined.action_space, imagined.device, imagined.n_envs
        )
        self.imagined = imagined
        self.real = real
        self.real_fraction = real_fraction

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Add imagined transitions, as `ReplayBuffer.add` does."""
        self.imagined.add(*args, **kwargs)

    def size(self) -> int:
        """Slots of imagined transitions that are filled."""
        return self.imagined.size()

    def reset(self) -> None:
        """Forget what was imagined."""
        self.imagined.reset()

    def sample(self, batch_size: int, env: VecNormalize | None = None) -> Samples:
        """A batch, the imagined transitions first."""
        real = round(self.real_fraction * batch_size) if self.imagined.size() else batch_size
        parts = [
            buffer.sample(count, env=env)
            for buffer, count in ((self.imagined, batch_size - real), (self.real, real))
            if count
        ]
        parts = [self._discounted(part) for part in parts]
        return parts[0] if len(parts) == 1 else _joined(*parts)

    def _discounted(self, part: Samples) -> Samples:
        """With the discounts of one step written out where imagined transitions have several."""
        gamma = getattr(self.imagined, "gamma", None)
        if gamma is None or part.discounts is not None:
            return part
        return part._replace(discounts=torch.full_like(part.rewards, gamma))

    def _get_samples(self, batch_inds: np.ndarray, env: VecNormalize | None = None) -> Samples:
        return self.imagined._get_samples(batch_inds, env=env)


def _joined(first: Samples, second: Samples) -> Samples:
    return type(first)(*(_cat(a, b) for a, b in zip(first, second, strict=True)))


def _cat(first: Any, second: Any) -> Any:
    if isinstance(first, dict):
        return {key: _cat(first[key], second[key]) for key in first}
    return None if first is None else torch.cat([first, second])


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
