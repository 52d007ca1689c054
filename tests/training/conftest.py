"""A linear-Gaussian system whose best possible predictions are known."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset
from mbrl_mts3.models import GRU, MTS3

DECAY, GAIN, NOISE = 0.9, 0.5, 0.2


def linear_episode(rng: np.random.Generator, steps: int, number: int) -> Episode:
    """o' = 0.9 o + 0.5 a + 0.2 e; the reward is o'."""
    observations = np.zeros((steps + 1, 1))
    actions = np.cumsum(rng.normal(size=(steps, 1)), axis=0) * 0.3
    actions -= actions.mean()
    for t in range(steps):
        observations[t + 1] = DECAY * observations[t] + GAIN * actions[t] + NOISE * rng.normal()
    end = np.arange(steps) == steps - 1
    return Episode(
        observations.astype(np.float32),
        actions.astype(np.float32),
        observations[1:, 0].astype(np.float32),
        np.zeros(steps, bool),
        end,
        episode_id=number,
    )


def dataset_of(episodes: list[Episode]) -> OfflineDataset:
    space = spaces.Box(-np.inf, np.inf, (1,))
    return OfflineDataset(
        episodes=tuple(episodes),
        dataset_id="test/linear-v0",
        content_hash="0",
        selector=ObservationSelector.from_space(space),
        observation_space=space,
        action_space=spaces.Box(-1, 1, (1,)),
    )


@pytest.fixture(scope="session")
def linear_dataset() -> OfflineDataset:
    rng = np.random.default_rng(0)
    return dataset_of([linear_episode(rng, 60, i) for i in range(120)])


@pytest.fixture(scope="session")
def short_dataset() -> OfflineDataset:
    rng = np.random.default_rng(0)
    return dataset_of([linear_episode(rng, 10, i) for i in range(10)])


@pytest.fixture(scope="session")
def small_mts3():
    def make(observation_dim: int, action_dim: int, **options) -> MTS3:
        sizes = dict.fromkeys(("encoder_hidden", "window_hidden", "action_hidden", "decoder_hidden"), (16,))
        return MTS3(observation_dim, action_dim, (5,), latent_dim=4, control_hidden=(16,), **sizes, **options)

    return make


@pytest.fixture(scope="session")
def small_gru():
    def make(observation_dim: int, action_dim: int, **options) -> GRU:
        return GRU(observation_dim, action_dim, width=16, decoder_hidden=(32,), **options)

    return make
