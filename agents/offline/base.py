"""What learners of policies from a data set alone share: Stable-Baselines3's TD3 without an environment."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import TD3
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import DictReplayBufferSamples, ReplayBufferSamples, TensorDict
from torch import Tensor

from mbrl_mts3.agents.offline.replay_buffer import build_replay_buffer
from mbrl_mts3.agents.policy_files import check_bounded
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.errors import NonFiniteError
from mbrl_mts3.seeds import check_seed

Batch = ReplayBufferSamples | DictReplayBufferSamples
"""Transitions with actions in [-1, 1]; observations are tensors (B, d), or dicts of such."""
# Added to standard deviations by the code of TD3+BC's paper.
_LEAST_SCALE = 1e-3


class OfflineLearner(TD3):
    """A policy of Stable-Baselines3's TD3 that learns from a data set; subclasses say what it does with a batch.

    The zip that `save` writes is one of TD3: `TD3.load` reads it, and the policy acts on raw observations.
    """

    @classmethod
    def _for_data(
        cls,
        dataset: OfflineDataset,
        policy: Any,
        *,
        net_arch: Sequence[int],
        seed: int,
        device: torch.device | str,
        **options: Any,
    ) -> Self:
        """An untrained policy for the spaces of a data set, with its transitions to learn from.

        Observations are normalised by the mean and standard deviation of all of the data, inside the policy.

        Args:
            dataset: see `build_replay_buffer`.
            policy: a class of policies, or the name of one.
            net_arch: hidden units of all networks.
            options: further ones of the constructor.

        Raises:
            SpaceMismatchError, DataError: as `build_replay_buffer` does.
        """
        check_seed(seed)
        check_bounded(dataset.action_space)
        replay = build_replay_buffer(dataset, device)
        mean, scale = _moments(replay.observations)
        model = cls(
            policy,
            None,  # type: ignore[arg-type]
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
            for name, loss in self._learn_from(self.replay_buffer.sample(batch_size)).items():
                losses.setdefault(name, []).append(loss)
        self.policy.set_training_mode(False)
        self._report(losses)

    @abstractmethod
    def _learn_from(self, batch: Batch) -> dict[str, float]:
        """One update of the networks; returns losses by name."""

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
