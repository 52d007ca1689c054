"""Networks of policies that train in imagination: critics, feature extractor, averaged actor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn


class LayerNormCritic(ContinuousCritic):
    """The critic of SAC and TD3 with LayerNorm behind each hidden layer, which can begin at a level of its own.

    LayerNorm bounds what a critic makes of actions and states that it never saw, the main source of trouble where
    experience is given (RLPD, arXiv 2302.02948; ReBRAC, arXiv 2305.09836).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for network in self.q_networks:
            for name, layer in list(network.named_children())[:-1]:
                if isinstance(layer, nn.Linear):
                    network.add_module(name, nn.Sequential(layer, nn.LayerNorm(layer.out_features)))

    def set_initial_value(self, value: float) -> None:
        """Let estimates be about `value`, which temporal differences alone take tens of thousands of updates to reach.

        Until they are, an actor learns from the ups and downs of a rise that have nothing to do with its actions.
        """
        for network in self.q_networks:
            *_, last = network.children()
            assert isinstance(last, nn.Linear)
            nn.init.constant_(last.bias, value)


class ProximalCritic(LayerNormCritic):
    """TD3's critics, with a price on the distance from an earlier actor in what the actor maximises.

    Q(s, a) - weight * mean|Q| * |a - anchor(s)|^2, with the anchor moved to the present actor now and then: a proximal
    step. Without it an actor leaves the actions that the critics know within a few hundred updates, and learns from
    what they make up. With an anchor that stays it is TD3+BC (arXiv 2106.06860), whose weight for actions of size d is
    1 / (2.5 d). Q is the lowest of the critics, as in SAC, where TD3 takes the first: what one of them makes up is not
    pursued. The critics' targets and losses know nothing of the price.
    """

    weight: float = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In a tuple, because it is no part of this network: neither trained, nor followed by a target.
        self._anchor: tuple[nn.Module, ...] = ()

    @property
    def anchor(self) -> nn.Module | None:
        """The earlier actor."""
        return self._anchor[0] if self._anchor else None

    def move_anchor(self, actor: nn.Module) -> None:
        """Let distances count from what `actor` does at present."""
        self._anchor = (deepcopy(actor).requires_grad_(False),)

    def q1_forward(self, obs: Any, actions: Tensor) -> Tensor:
        """The lowest of all critics: Stable-Baselines3 asks for this in the actor's loss alone."""
        value = torch.cat(self(obs, actions), dim=1).amin(dim=1, keepdim=True)
        if not self._anchor or not self.weight:
            return value
        with torch.no_grad():
            earlier, scale = self._anchor[0](obs), value.abs().mean()
        price: Tensor = self.weight * scale * (actions - earlier).square().sum(dim=-1, keepdim=True)
        return value - price


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


class AveragedActor:
    """A running mean of an actor's weights (Polyak averaging; stochastic weight averaging, arXiv 1803.05407).

    From update to update an actor wanders between policies of equal promise, of which some fall where the data are
    thin. Their mean fell half as often, though not with every seed (docs/policy_learning.md).

    Args:
        actor: whose weights are followed.
        window: updates that the mean reaches back: all of them until there are so many, then with a weight of
            1 / window for the latest. 1 is the actor itself.
    """

    def __init__(self, actor: nn.Module, window: int) -> None:
        self.actor = actor
        self.window = window
        self.count = 0
        self._mean = [parameter.detach().clone() for parameter in actor.parameters()]

    def update(self) -> None:
        """Update the mean with the actor's present weights."""
        self.count += 1
        share = 1 / min(self.count, self.window)
        for mean, parameter in zip(self._mean, self.actor.parameters(), strict=True):
            mean.lerp_(parameter.detach(), share)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Inside, the actor has the mean for its weights, once there is one."""
        own = [parameter.detach().clone() for parameter in self.actor.parameters()]
        self._set(self._mean if self.count else own)
        try:
            yield
        finally:
            self._set(own)

    def state_dict(self) -> dict[str, Any]:
        """In tensors and plain values."""
        return {"count": self.count, "mean": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.count = state["count"]
        for mean, stored in zip(self._mean, state["mean"], strict=True):
            mean.copy_(stored)

    @torch.no_grad()
    def _set(self, values: list[torch.Tensor]) -> None:
        for parameter, value in zip(self.actor.parameters(), values, strict=True):
            parameter.copy_(value)
