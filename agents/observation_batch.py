"""Raw observations of many environments at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def stack(observations: Sequence[Any]) -> Any:
    """One batched observation of the observations of several environments: arrays (d,) or dicts of such."""
    if isinstance(observations[0], Mapping):
        return {key: stack([observation[key] for observation in observations]) for key in observations[0]}
    return np.stack(observations)


def batch_size(observation: Any) -> int | None:
    """Number of environments that an observation of one-dimensional entries is of; None for a single one."""
    while isinstance(observation, Mapping):
        observation = next(iter(observation.values()))
    array = np.asarray(observation)
    return len(array) if array.ndim > 1 else None
