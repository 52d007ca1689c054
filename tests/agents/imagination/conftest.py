"""Imagined worlds to learn in: an untrained ensemble of HalfCheetah, and a maze with goals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from aim_at_one_action import AimAtOneAction
from imagined_worlds import checkpoint_of, checkpoint_with, dataset_of

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.tasks import Task
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics
from mbrl_mts3.models import Ensemble
from mbrl_mts3.training import Checkpoint


@pytest.fixture(scope="module")
def data() -> OfflineDataset:
    return dataset_of("HalfCheetah-v5", episodes=2, steps=25)


@pytest.fixture(scope="module")
def ensemble(data: OfflineDataset) -> Checkpoint:
    torch.manual_seed(0)
    options = {"hidden": [8], "propagation": "mean"}
    model = Ensemble(data.observation_dim, data.action_dim, "ProbabilisticMLP", members=2, options=options)
    return checkpoint_with(model, data)


@pytest.fixture(scope="module")
def world(data: OfflineDataset, ensemble: Checkpoint) -> Callable[..., WorldModelDynamics]:
    """world(**options of load_dynamics): HalfCheetah, imagined by an ensemble of two that knows nothing."""

    def build(task: Task | None = None, **options: Any) -> WorldModelDynamics:
        return load_dynamics(ensemble, data, task, **{"context": 1, "uncertainty": "epistemic", **options})

    return build


@pytest.fixture(scope="module")
def maze_data() -> OfflineDataset:
    return dataset_of("PointMaze_UMaze-v3", episodes=2, steps=25)


@pytest.fixture(scope="module")
def maze(maze_data: OfflineDataset) -> WorldModelDynamics:
    return load_dynamics(
        checkpoint_of(maze_data),
        maze_data,
        context=5,
        environment_options={"continuing_task": False},
        max_episode_steps=4,
    )


@pytest.fixture(scope="module")
def plain(maze_data: OfflineDataset) -> Callable[..., WorldModelDynamics]:
    """plain(**options): four observations, two actions, and a known best action."""
    torch.manual_seed(0)
    sizes = maze_data.observation_dim, maze_data.action_dim
    options = {"hidden": [8], "propagation": "mean"}
    checkpoint = checkpoint_with(Ensemble(*sizes, "ProbabilisticMLP", members=2, options=options), maze_data)

    def build(**options: Any) -> WorldModelDynamics:
        given = {"context": 1, "observation": "selected", **options}
        return load_dynamics(checkpoint, maze_data, AimAtOneAction(), **given)

    return build
