"""Learning in an exact model of a toy must come near the best that is possible in the toy itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from imagined_worlds import checkpoint_with
from savings import ENV_ID, STEPS, ExactSavings, Savings, best_return, savings_data

from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.agents.imagination import (
    BranchedRollouts,
    BranchedTrainer,
    EpisodicTrainer,
    ImaginationTrainer,
    make_algorithm,
    train_in_imagination,
)
from mbrl_mts3.data import Normalizer, OfflineDataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics

GAMMA = 0.9
SMALL = {"gamma": GAMMA, "device": "cpu", "seed": 0, "policy_kwargs": {"net_arch": [32, 32]}}


@pytest.fixture(scope="module")
def data() -> Iterator[OfflineDataset]:
    gymnasium.register(ENV_ID, entry_point=Savings, max_episode_steps=STEPS)
    yield savings_data()
    del gymnasium.registry[ENV_ID]


def exact(data: OfflineDataset, **options: Any) -> WorldModelDynamics:
    checkpoint = checkpoint_with(ExactSavings(Normalizer.fit(data.episodes)), data)
    return load_dynamics(checkpoint, data, context=0, **options)


@pytest.mark.parametrize(
    ("algorithm", "learning_rate", "noise", "rounds"),
    [("SAC", 3e-3, 0.0, 3), pytest.param("TD3", 1e-3, 0.2, 12, marks=pytest.mark.slow)],
)
def test_branches_come_near_the_best(
    data: OfflineDataset, tmp_path: Path, algorithm: str, learning_rate: float, noise: float, rounds: int
) -> None:
    """Three steps long, so that what follows counts by the critics alone."""
    options = {**SMALL, "learning_rate": learning_rate, "batch_size": 128, "tau": 0.02}
    learning = BranchedTrainer.from_episodes(
        lambda environment: make_algorithm(environment, algorithm, **options),
        BranchedRollouts(exact(data), 100, 3, action_noise=noise),
        data.episodes,
        real_fraction=0.1,
        steps_per_round=200,
        replay_rounds=10,
    )
    train_in_imagination(learning, rounds, tmp_path, imitation_steps=200, critic_steps=200)
    check(learning, data)


def test_episodes_come_near_the_best(data: OfflineDataset, tmp_path: Path) -> None:
    """Cut by a time limit of four steps, beyond which the value goes on."""
    options = {**SMALL, "n_steps": 20, "batch_size": 320, "n_epochs": 10, "learning_rate": 3e-3}
    learning = EpisodicTrainer.from_episodes(
        lambda environment: make_algorithm(environment, "PPO", **options),
        exact(data, max_episode_steps=4),
        64,
        data.episodes,
        real_fraction=0.0,
        steps_per_round=1280,
    )
    train_in_imagination(learning, 25, tmp_path, imitation_steps=200)
    check(learning, data)


def check(learning: ImaginationTrainer, data: OfflineDataset) -> None:
    """In the real toy: near the best policy, far above what the data did."""
    found = evaluate_agent(learning.algorithm, lambda: make_environment(ENV_ID), range(1000, 1030), num_envs=30)
    behaviour, best = np.mean([episode.rewards.sum() for episode in data.episodes]), best_return(GAMMA)
    assert found.lengths.min() == STEPS
    assert found.mean_return - behaviour > 0.87 * (best - behaviour)
