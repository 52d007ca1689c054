"""The mean of what an actor was lately."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


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
        """Take in the actor as it is now."""
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
