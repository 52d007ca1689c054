"""Goals as the maze draws them."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import MazeGoals, PointMazeTask, default_task
from mbrl_mts3.envs.tasks.default import LearnedRewardTask
from mbrl_mts3.envs.tasks.half_cheetah import HalfCheetahTask
from mbrl_mts3.errors import ConfigurationError


def test_they_are_distributed_as_the_environment_s(u_maze: gymnasium.Env[Any, Any]) -> None:
    real = np.stack([u_maze.reset(seed=seed)[0]["desired_goal"] for seed in range(400)])
    goals = MazeGoals.from_environment(u_maze)
    far = torch.full((4000, 2), 100.0)
    sampled = goals.sample(far, torch.Generator().manual_seed(0)).numpy()
    maze: Any = u_maze.unwrapped.maze  # type: ignore[attr-defined]
    cells = [{tuple(maze.cell_xy_to_rowcol(goal)) for goal in found} for found in (real, sampled)]
    assert cells[0] == cells[1]
    np.testing.assert_allclose(sampled.min(0), real.min(0), atol=0.03)
    np.testing.assert_allclose(sampled.max(0), real.max(0), atol=0.03)
    np.testing.assert_allclose(sampled.std(0), real.std(0), rtol=0.1)


def test_they_lie_apart_from_the_start(u_maze: gymnasium.Env[Any, Any]) -> None:
    goals = MazeGoals.from_environment(u_maze)
    start = goals.centres[torch.arange(2000) % len(goals.centres)]
    sampled = goals.sample(start, torch.Generator().manual_seed(0))
    assert (sampled - start).norm(dim=-1).min() > 0.5


def test_an_only_goal_next_to_the_start_is_kept() -> None:
    goals = MazeGoals(torch.zeros(1, 2), noise=0.0, apart=0.5, renewed=True)
    assert goals.sample(torch.zeros(2, 2), None).tolist() == [[0.0, 0.0]] * 2
    assert goals.renew(torch.zeros(2, 2), torch.zeros(2, 2), 0.45, None).tolist() == [[0.0, 0.0]] * 2


@pytest.mark.parametrize(("continuing", "renewed"), [(True, True), (True, False), (False, True)])
def test_they_are_renewed_where_they_are_reached(continuing: bool, renewed: bool) -> None:
    goals = MazeGoals(torch.tensor([[0.0, 0.0], [3.0, 0.0]]), 0.1, 0.5, continuing, renewed)
    before, position = torch.tensor([[0.0, 0.0], [0.0, 0.0]]), torch.tensor([[0.1, 0.0], [1.0, 0.0]])
    after = goals.renew(before, position, 0.45, torch.Generator().manual_seed(0))
    assert after[1].tolist() == [0.0, 0.0]
    assert bool((after[0] - position[0]).norm() > 0.45) == (continuing and renewed)


def test_a_task_reads_them_from_its_environment(u_maze: gymnasium.Env[Any, Any]) -> None:
    selector = ObservationSelector.from_space(u_maze.observation_space, "PointMaze_UMaze-v3", "positions")
    task = PointMazeTask("sparse").prepare(u_maze)
    assert task.goals is not None
    assert (task.goals.continuing, task.goals.renewed) == (False, False)
    with pytest.raises(ConfigurationError, match="prepare"):
        PointMazeTask("sparse").sample_goals(torch.zeros(1, 2), selector, None)
    environment = make_environment("HalfCheetah-v5")
    with pytest.raises(ConfigurationError, match="no maze"):
        MazeGoals.from_environment(environment)
    environment.close()


def test_environments_with_a_task_of_their_own_are_known() -> None:
    assert isinstance(default_task("HalfCheetah-v5"), HalfCheetahTask)
    maze, dense = default_task("PointMaze_Large-v3"), default_task("PointMaze_LargeDense-v3")
    assert isinstance(maze, PointMazeTask)
    assert isinstance(dense, PointMazeTask)
    assert (maze.kind, dense.kind) == ("sparse", "dense")
    assert isinstance(default_task("Pendulum-v1"), LearnedRewardTask)
    assert isinstance(default_task(None), LearnedRewardTask)
