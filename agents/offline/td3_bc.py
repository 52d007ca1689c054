"""TD3+BC (Fujimoto and Gu, 2021, arXiv 2106.06860) on Stable-Baselines3's TD3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from gymnasium import spaces
from stable_baselines3 import TD3
from stable_baselines3.common.utils import polyak_update
from torch import Tensor
from torch.nn import functional

from mbrl_mts3.agents.offline.base import Batch, NormalisedFeatures, OfflineLearner
from mbrl_mts3.argument_kinds import check_arguments
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.errors import ConfigurationError

# Policy files of earlier versions name the features here.
__all__ = ["TD3BC", "NormalisedFeatures"]


class TD3BC(OfflineLearner):
    """Stable-Baselines3's TD3 with the data's own actions in the actor's loss: -lambda Q(o, pi(o)) + (pi(o) - a)^2.

    lambda = alpha / mean |Q| over the batch, so that alpha alone weighs both, whatever the rewards' unit (equations 3
    to 5 of the paper). With alpha = 0 this is behaviour cloning: the same policy, no critic. The zip that `save` writes
    is one of TD3: `TD3.load` reads it, and the policy acts on raw observations.

    Args:
        policy, env, options: see `stable_baselines3.TD3`; `from_dataset` needs no environment.
        alpha: weight of the critic; the paper's is 2.5.

    Raises:
        ConfigurationError: alpha is negative.
    """

    def __init__(self, policy: Any, env: Any, *, alpha: float = 2.5, **options: Any) -> None:
        if alpha < 0:
            raise ConfigurationError(f"expected alpha >= 0, got {alpha}: 2.5 is the paper's, 0 is behaviour cloning")
        super().__init__(policy, env, **options)
        self.alpha = alpha

    @classmethod
    def from_dataset(
        cls,
        dataset: OfflineDataset,
        *,
        alpha: float = 2.5,
        net_arch: Sequence[int] = (256, 256),
        seed: int = 0,
        device: torch.device | str = "cpu",
        **options: Any,
    ) -> Self:
        """An untrained policy for the spaces of a data set, with its transitions to learn from.

        Observations are normalised by the mean and standard deviation of all of the data, inside the policy.

        Args:
            dataset: see `build_replay_buffer`.
            net_arch: hidden units of actor and critics.
            options: further ones of `stable_baselines3.TD3`, such as gamma.

        Raises:
            SpaceMismatchError, DataError: as `build_replay_buffer` does.
        """
        check_arguments(TD3, options, "offline_algorithm.")
        policy = "MultiInputPolicy" if isinstance(dataset.observation_space, spaces.Dict) else "MlpPolicy"
        return cls._for_data(dataset, policy, net_arch=net_arch, seed=seed, device=device, alpha=alpha, **options)

    def _learn_from(self, batch: Batch) -> dict[str, float]:
        found = self._update_critics(batch) if self.alpha else {}
        if self._n_updates % self.policy_delay == 0:
            found |= self._update_actor(batch)
            self._update_targets()
        return found

    def _update_critics(self, batch: Batch) -> dict[str, float]:
        """As in TD3: the smaller of two targets, with noise in the next action."""
        with torch.no_grad():
            noise = torch.randn_like(batch.actions) * self.target_policy_noise
            noise = noise.clamp(-self.target_noise_clip, self.target_noise_clip)
            next_actions = (self.actor_target(batch.next_observations) + noise).clamp(-1, 1)
            next_values = torch.minimum(*self.critic_target(batch.next_observations, next_actions))
            target = batch.rewards + (1 - batch.dones) * self.gamma * next_values
        values: tuple[Tensor, ...] = self.critic(batch.observations, batch.actions)
        loss = torch.stack([functional.mse_loss(value, target) for value in values]).sum()
        self.critic.optimizer.zero_grad()
        loss.backward()
        self.critic.optimizer.step()
        return {"critic_loss": loss.item(), "q": values[0].mean().item()}

    def _update_actor(self, batch: Batch) -> dict[str, float]:
        actions = self.actor(batch.observations)
        cloning = functional.mse_loss(actions, batch.actions)
        loss, found = cloning, {"cloning_loss": cloning.item()}
        if self.alpha:
            observations: Any = batch.observations  # a dict too, whatever the annotation there says
            values = self.critic.q1_forward(observations, actions)
            loss = cloning - self.alpha * values.mean() / values.abs().mean().detach()
            found["actor_loss"] = loss.item()
        self.actor.optimizer.zero_grad()
        # The critic's own gradients are of no use here.
        loss.backward(inputs=list(self.actor.parameters()))
        self.actor.optimizer.step()
        return found

    def _update_targets(self) -> None:
        if self.alpha:
            polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
        polyak_update(self.actor.parameters(), self.actor_target.parameters(), self.tau)
