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
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def forward(self, observations: Any) -> Tensor:
        """(B, all entries)."""
        return (_row(observations) - self.mean) / self.scale


def standardize(policy: nn.Module, observations: Any) -> None:
    """Let all `StandardizedObservations` of a policy count from these observations, arrays (N, d) or dicts of such."""
    rows = _row(_tensors(observations))
    mean, scale = rows.mean(dim=0), rows.std(dim=0, correction=0).clamp_min(_SMALLEST)
    for module in policy.modules():
        if isinstance(module, StandardizedObservations):
            module.mean.copy_(mean)
            module.scale.copy_(scale)


def _row(observations: Any) -> Tensor:
    if isinstance(observations, dict):
        return torch.cat([_row(part) for part in observations.values()], dim=-1)
    tensor: Tensor = observations
    return tensor.flatten(1)


def _tensors(observations: Any) -> Any:
    if isinstance(observations, dict):
        return {key: _tensors(part) for key, part in observations.items()}
    return torch.as_tensor(np.asarray(observations), dtype=torch.float32)
