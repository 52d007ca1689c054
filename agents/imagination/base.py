"""Base class of policy training on imagined experience."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from mbrl_mts3.agents.imagination.imitation import frozen_actor, imitate
from mbrl_mts3.agents.imagination.networks import LayerNormCritic, standardize
from mbrl_mts3.agents.imagination.replay import MixedReplayBuffer, load_replay_state, replay_state

_LOSSES = ("critic_loss", "actor_loss", "ent_coef", "value_loss", "policy_gradient_loss", "approx_kl")


class ImaginationTrainer(ABC):
    """An algorithm of Stable-Baselines3 with the experience that it learns from, in rounds that can be interrupted.

    Args:
        algorithm: its replay buffer, where it has one, from now on gives imagined and real transitions mixed; its
            critics, where they can, begin at the level of the data's returns.
        real: the data.
        real_fraction: see `MixedReplayBuffer`; on-policy algorithms take none.
        seed: of what is imagined.
    """

    def __init__(self, algorithm: BaseAlgorithm, real: ReplayBuffer, real_fraction: float, seed: int) -> None:
        self.algorithm = algorithm
        self.real = real
        self.gradient_steps = 0
        self.imagined_steps = 0
        self.generator = torch.Generator(algorithm.device).manual_seed(seed)
        standardize(algorithm.policy, _all_observations(real))
        algorithm.set_logger(Logger(folder=None, output_formats=[]))
        if isinstance(algorithm, OffPolicyAlgorithm):
            assert algorithm.replay_buffer is not None
            _level_critics(algorithm, real)
            # The algorithm calls `add` and `sample` and nothing else.
            algorithm.replay_buffer = MixedReplayBuffer(algorithm.replay_buffer, real, real_fraction)  # type: ignore[assignment]

    def prepare(self, imitation_steps: int, imitation_rate: float, critic_steps: int) -> dict[str, float]:
        """Before the first round: imitate the data, then let the critics learn what that is worth.

        Args:
            imitation_steps, imitation_rate: see `imitate`.
            critic_steps: updates of the critics with the actor held, on the data alone; on-policy algorithms have no
                such thing.

        Returns:
            "imitation_loss", and "critic_loss" where there were such steps.
        """
        found = {
            "imitation_loss": imitate(
                self.algorithm, self.real, imitation_steps, batch_size=256, learning_rate=imitation_rate
            )
        }
        if critic_steps and isinstance(self.algorithm, OffPolicyAlgorithm):
            with frozen_actor(self.algorithm):
                self.algorithm.train(critic_steps, self.algorithm.batch_size)
            found |= self.losses()
        return found

    @abstractmethod
    def round(self) -> dict[str, float]:
        """Imagine and learn; returns means over what was imagined, losses, and "imagining_seconds" where known."""

    def acting(self) -> AbstractContextManager[None]:
        """Inside, the algorithm's policy is the one to be used, where that differs from the one that learns."""
        return nullcontext()

    def losses(self) -> dict[str, float]:
        """What the algorithm last said of itself, those numbers that it has."""
        values = self.algorithm.logger.name_to_value
        return {name: float(values[f"train/{name}"]) for name in _LOSSES if f"train/{name}" in values}

    def state_dict(self) -> dict[str, Any]:
        """All that the next round depends on, but for the global generators, in tensors and plain values."""
        buffer = getattr(self.algorithm, "replay_buffer", None)
        return {
            "gradient_steps": self.gradient_steps,
            "imagined_steps": self.imagined_steps,
            "generator": self.generator.get_state(),
            "replay": None if buffer is None else replay_state(buffer.imagined),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.gradient_steps = state["gradient_steps"]
        self.imagined_steps = state["imagined_steps"]
        self.generator.set_state(state["generator"])
        if state["replay"] is not None:
            load_replay_state(self.algorithm.replay_buffer.imagined, state["replay"])  # type: ignore[attr-defined]


def _level_critics(algorithm: OffPolicyAlgorithm, real: ReplayBuffer) -> None:
    """Let critics begin at the discounted return of the data's mean reward and share of terminal steps."""
    going_on = algorithm.gamma * (1 - float(np.mean(real.dones * (1 - real.timeouts))))
    if going_on >= 1:
        return
    policy: Any = algorithm.policy
    for critic in (policy.critic, policy.critic_target):
        if isinstance(critic, LayerNormCritic):
            critic.set_initial_value(float(np.mean(real.rewards)) / (1 - going_on))


def _all_observations(buffer: ReplayBuffer) -> Any:
    """Of a buffer with a single slot, see `Transitions.as_buffer`."""
    stored: Any = buffer.observations
    return {key: part[0] for key, part in stored.items()} if isinstance(stored, dict) else stored[0]
