"""A critic that lets the actor go only so far at a time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from mbrl_mts3.agents.imagination.normalised_critic import NormalisedCritic


class AnchoredCritic(NormalisedCritic):
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
