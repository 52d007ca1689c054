"""Small real data sets with untrained models of them, for whatever imagines episodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch

from mbrl_mts3.data import Episode, Normalizer, ObservationSelector, OfflineDataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.models import MTS3, WorldModel
from mbrl_mts3.training import Checkpoint

PERIOD = 5


def dataset_of(env_id: str, select: str | Sequence[str] = "all", episodes: int = 3, steps: int = 40) -> OfflineDataset:
    """Random actions in the real environment."""
    environment = make_environment(env_id)
    selector = ObservationSelector.from_space(environment.observation_space, env_id, select)
    environment.action_space.seed(0)
    played = tuple(_play(environment, selector, steps, number) for number in range(episodes))
    environment.close()
    space = environment.action_space
    assert isinstance(space, gymnasium.spaces.Box)
    return OfflineDataset(played, "mine/random-v0", "0", selector, environment.observation_space, space, env_id)


def _play(environment: gymnasium.Env[Any, Any], selector: ObservationSelector, steps: int, seed: int) -> Episode:
    observation, _ = environment.reset(seed=seed)
    observations, actions, rewards = [selector(observation)], [], []
    for _ in range(steps):
        actions.append(environment.action_space.sample())
        observation, reward, *_ = environment.step(actions[-1])
        observations.append(selector(observation))
        rewards.append(float(reward))
    return Episode(
        np.stack(observations),
        np.stack(actions).astype(np.float32),
        np.array(rewards, np.float32),
        np.zeros(steps, bool),
        np.arange(steps) == steps - 1,
        episode_id=seed,
    )


def checkpoint_of(dataset: OfflineDataset, **options: Any) -> Checkpoint:
    """A small MTS3 as it is before training, with the normaliser of the data."""
    torch.manual_seed(0)
    sizes = dict.fromkeys(
        ("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden"), (16,)
    )
    model = MTS3(dataset.observation_dim, dataset.action_dim, (PERIOD,), latent_dim=4, **sizes, **options)
    return checkpoint_with(model, dataset)


def checkpoint_with(model: WorldModel, dataset: OfflineDataset) -> Checkpoint:
    """A checkpoint of any model."""
    return Checkpoint(
        model.eval(),
        Normalizer.fit(dataset.episodes),
        dataset.selector,
        dataset.observation_space,
        dataset.action_space,
        dataset.dataset_id,
        dataset.content_hash,
        dataset.env_id,
    )
