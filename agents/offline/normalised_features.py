"""Observations in units of a data set, as part of the policy that was learned from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import TensorDict
from torch import Tensor


class NormalisedFeatures(BaseFeaturesExtractor):
    """(o - mean) / scale, with a mean and a scale that never change.

    They are saved with the policy, which so acts on raw observations.

    Args:
        observation_space: a Box, or a Dict of Boxes, whose entries are joined in the order of its keys.
        mean, scale: one number for each entry of the observation.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, observation_space: spaces.Space[Any], mean: Sequence[float], scale: Sequence[float]) -> None:
        super().__init__(observation_space, features_dim=len(mean))
        self._keys = list(observation_space.spaces) if isinstance(observation_space, spaces.Dict) else None
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))

    def forward(self, observations: Tensor | TensorDict) -> Tensor:
        """Features (B, obs) of raw observations: a tensor (B, obs), or a dict of tensors (B, d)."""
        return (self._flat(observations) - self.mean) / self.scale

    def _flat(self, observations: Tensor | TensorDict) -> Tensor:
        if self._keys is None:
            return cast(Tensor, observations).flatten(1)
        return torch.cat([cast(TensorDict, observations)[key].flatten(1) for key in self._keys], dim=1)
