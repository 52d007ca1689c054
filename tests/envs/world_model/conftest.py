"""Two worlds that the tests of this folder imagine: one with a Box observation, one with a goal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from imagined_worlds import checkpoint_of, dataset_of

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics
from mbrl_mts3.training import Checkpoint

CHEETAH, MAZE = "HalfCheetah-v5", "PointMaze_UMaze-v3"
Load = Callable[..., WorldModelDynamics]


@pytest.fixture(scope="session")
def cheetah_data() -> OfflineDataset:
    return dataset_of(CHEETAH)


@pytest.fixture(scope="session")
def cheetah(cheetah_data: OfflineDataset) -> Checkpoint:
    return checkpoint_of(cheetah_data)


@pytest.fixture(scope="session")
def maze_data() -> OfflineDataset:
    return dataset_of(MAZE)


@pytest.fixture(scope="session")
def maze(maze_data: OfflineDataset) -> Checkpoint:
    return checkpoint_of(maze_data)


@pytest.fixture(scope="session")
def load_cheetah(cheetah: Checkpoint, cheetah_data: OfflineDataset) -> Load:
    """load_cheetah(**options)"""
    return loader(cheetah, cheetah_data)


@pytest.fixture(scope="session")
def load_maze(maze: Checkpoint, maze_data: OfflineDataset) -> Load:
    """load_maze(**options)"""
    return loader(maze, maze_data)


def loader(checkpoint: Checkpoint, dataset: OfflineDataset) -> Load:
    """Each dynamics is loaded once: they remember nothing, so tests may share them."""
    loaded: dict[str, WorldModelDynamics] = {}

    def load(**options: Any) -> WorldModelDynamics:
        name = repr(sorted(options.items()))
        if name not in loaded:
            loaded[name] = load_dynamics(checkpoint, dataset, **{"context": 10, "num_start_states": 50, **options})
        return loaded[name]

    return load
