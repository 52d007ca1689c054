"""Planners that need data get that of the checkpoint, or say why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import pytest
from imagined_worlds import checkpoint_of

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.agents.planning.mpc import load_mpc
from mbrl_mts3.data import load_minari
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError, UnknownDatasetError
from mbrl_mts3.planners import Hierarchical
from mbrl_mts3.training import Checkpoint

PLANNER = partial(Hierarchical, horizon=5, candidates=40, window=5, far_cells=4)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 200, "mine/maze-v0", progress=False)
    return checkpoint_of(load_minari("mine/maze-v0"))


@pytest.fixture
def maze() -> Iterator[gymnasium.Env[Any, Any]]:
    environment = make_environment("PointMaze_UMaze-v3")
    yield environment
    environment.close()


def test_far_plans_are_what_the_data_did(checkpoint: Checkpoint, maze: gymnasium.Env[Any, Any]) -> None:
    agent = load_mpc(maze, checkpoint, PLANNER)
    observation, _ = maze.reset(seed=0)
    _, state = agent.predict(observation)
    recorded = {action.tobytes() for episode in load_minari("mine/maze-v0").episodes for action in episode.actions}
    done = state.planner.far.actions[0].numpy()
    assert len(done) == 20
    assert all(action.tobytes() in recorded for action in done)


def test_what_cannot_be_planned_is_refused(checkpoint: Checkpoint, maze: gymnasium.Env[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match="holds other data than the model was trained on"):
        load_mpc(maze, replace(checkpoint, content_hash="0" * 32), PLANNER)
    with pytest.raises(UnknownDatasetError):
        load_mpc(maze, replace(checkpoint, dataset_id="mine/gone-v0"), PLANNER)
    policy: Any = lambda _: SimpleNamespace(scale=0.1)  # noqa: E731
    with pytest.raises(ConfigurationError, match="leave the proposal out"):
        load_mpc(maze, checkpoint, PLANNER, proposal=policy)
