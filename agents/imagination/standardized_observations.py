"""Observations as networks like them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

_SMALLEST = 1e-3


class StandardizedObservations(BaseFeaturesExtractor):
    """All entries of an observation in one row, less the data's mean and divided by its standard deviation.

    Angles of a tenth and velocities of ten side by side are learnt from slowly, and there is no time for that where a
    policy is to be improved in some ten thousand updates. The numbers are buffers: a saved policy keeps them, and takes
    observations as the environment gives them.

    Args:
        observation_space: a Box of one dimension, or a Dict of such.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, observation_space: spaces.Space[Any]) -> None:
        size = spaces.flatdim(observation_space)
        super().__init__(observation_space, size)
        # Environments may give their dicts in another order than that of their space, and Stable-Baselines3 keeps it.
        self._keys = tuple(observation_space.spaces) if isinstance(observation_space, spaces.Dict) else None
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def forward(self, observations: Any) -> Tensor:
        """(B, all entries)."""
        return (self._row(observations) - self.mean) / self.scale

    def count_from(self, observations: Any) -> None:
        """Let the mean and the standard deviation be those of observations, tensors (N, d) or a dict of such."""
        rows = self._row(observations)
        self.mean.copy_(rows.mean(dim=0))
        self.scale.copy_(rows.std(dim=0, correction=0).clamp_min(_SMALLEST))

    def _row(self, observations: Any) -> Tensor:
        parts = [observations] if self._keys is None else [observations[key] for key in self._keys]
        return torch.cat([part.flatten(1) for part in parts], dim=-1)


def standardize(policy: nn.Module, observations: Any) -> None:
    """Let all `StandardizedObservations` of a policy count from these observations, arrays (N, d) or dicts of such."""
    tensors = _tensors(observations)
    for module in policy.modules():
        if isinstance(module, StandardizedObservations):
            module.count_from(tensors)


def _tensors(observations: Any) -> Any:
    if isinstance(observations, dict):
        return {key: _tensors(part) for key, part in observations.items()}
    return torch.as_tensor(np.asarray(observations), dtype=torch.float32)
