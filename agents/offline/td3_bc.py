"""TD3+BC (Fujimoto and Gu, 2021, arXiv 2106.06860) on Stable-Baselines3's TD3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import TD3
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import DictReplayBufferSamples, ReplayBufferSamples, TensorDict
from stable_baselines3.common.utils import polyak_update
from torch import Tensor
from torch.nn import functional

from mbrl_mts3.agents.offline.replay_buffer import build_replay_buffer
from mbrl_mts3.agents.policy_files import check_bounded
from mbrl_mts3.argument_kinds import check_arguments
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.errors import ConfigurationError, NonFiniteError
from mbrl_mts3.seeds import check_seed

_Batch = ReplayBufferSamples | DictReplayBufferSamples
# Added to standard deviations by the paper's code.
_LEAST_SCALE = 1e-3


class TD3BC(TD3):
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
        check_seed(seed)
        check_arguments(TD3, options, "offline_algorithm.")
        check_bounded(dataset.action_space)
        replay = build_replay_buffer(dataset, device)
        mean, scale = _moments(replay.observations)
        model = cls(
            "MultiInputPolicy" if isinstance(dataset.observation_space, spaces.Dict) else "MlpPolicy",
            None,
            alpha=alpha,
            # What a loaded policy would reserve for new experience.
            buffer_size=1,
            seed=seed,
            device=device,
            policy_kwargs={
                "net_arch": list(net_arch),
                "features_extractor_class": NormalisedFeatures,
                "features_extractor_kwargs": {"mean": mean, "scale": scale},
            },
            _init_setup_model=False,
            **options,
        )
        # As `load` does it: everything that TD3 reads from an environment.
        model.observation_space, model.action_space = dataset.observation_space, dataset.action_space
        model.n_envs = 1
        model._setup_model()
        model.replay_buffer = replay
        model.set_logger(Logger(None, []))
        return model

    @property
    def updates(self) -> int:
        """Batches learned from so far."""
        return self._n_updates

    def resume_at(self, updates: int) -> None:
        """Count on from so many batches."""
        self._n_updates = updates

    def train(self, gradient_steps: int, batch_size: int = 256) -> None:
        """Learn from batches of the replay buffer; the means of the losses go to the logger.

        Raises:
            NonFiniteError: a loss is NaN or infinite.
        """
        assert self.replay_buffer is not None
        self.policy.set_training_mode(True)
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        losses: dict[str, list[float]] = {}
        for _ in range(gradient_steps):
            self._n_updates += 1
            batch = self.replay_buffer.sample(batch_size)
            found = self._update_critics(batch) if self.alpha else {}
            if self._n_updates % self.policy_delay == 0:
                found |= self._update_actor(batch)
                self._update_targets()
            for name, loss in found.items():
                losses.setdefault(name, []).append(loss)
        self.policy.set_training_mode(False)
        self._report(losses)

    def _update_critics(self, batch: _Batch) -> dict[str, float]:
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

    def _update_actor(self, batch: _Batch) -> dict[str, float]:
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

    def _report(self, losses: dict[str, list[float]]) -> None:
        for name, values in losses.items():
            mean = float(np.mean(values))
            if not np.isfinite(mean):
                raise NonFiniteError(
                    f"the {name} is {mean} within {self._n_updates} updates: look at the rewards and observations of "
                    "the data, or lower the learning rate"
                )
            self.logger.record_mean(f"train/{name}", mean)


def _moments(observations: Any) -> tuple[list[float], list[float]]:
    """Mean and scale of each entry, of raw observations (1, N, d) or a dict of such."""
    parts = list(observations.values()) if isinstance(observations, dict) else [observations]
    flat = np.concatenate([part[0] for part in parts], axis=-1).astype(np.float64)
    return flat.mean(axis=0).tolist(), (flat.std(axis=0) + _LEAST_SCALE).tolist()


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
