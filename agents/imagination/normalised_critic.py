"""A critic that does not run away."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.policies import ContinuousCritic
from torch import nn


class NormalisedCritic(ContinuousCritic):
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

    def begin_at(self, value: float) -> None:
        """Let estimates be about `value`, which temporal differences alone take tens of thousands of updates to reach.

        Until they are, an actor learns from the ups and downs of a rise that have nothing to do with its actions.
        """
        for network in self.q_networks:
            *_, last = network.children()
            assert isinstance(last, nn.Linear)
            nn.init.constant_(last.bias, value)
