from collections import deque
from typing import Any

import gymnasium
import numpy as np
import pytest

from mbrl_mts3.agents.behaviour import WaypointBehaviour
from mbrl_mts3.agents.behaviour.waypoint import MazeRoutes
from mbrl_mts3.agents.collection.recording import collection_options
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError

MAPS = ["PointMaze_UMaze-v3", "PointMaze_Medium-v3", "PointMaze_Large-v3", "PointMaze_Open-v3"]


def make(id: str, **kwargs: Any) -> gymnasium.Env[Any, Any]:
    return make_environment(id, **{**collection_options(id), **kwargs})


def grid_distances(maze_map: list[list[Any]], goal: tuple[int, int]) -> dict[tuple[int, int], int]:
    """Steps to the goal, by relaxation over all cells until nothing changes."""
    distances, queue = {goal: 0}, deque([goal])
    while queue:
        i, j = queue.popleft()
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            cell = (i + step[0], j + step[1])
            if maze_map[cell[0]][cell[1]] != 1 and distances.get(cell, 10**9) > distances[i, j] + 1:
                distances[cell] = distances[i, j] + 1
                queue.append(cell)
    return distances


@pytest.mark.parametrize("id", MAPS)
def test_every_step_of_a_route_comes_nearer(id: str) -> None:
    environment = make(id)
    routes, maze_map = MazeRoutes(environment), environment.unwrapped.maze.maze_map  # type: ignore[attr-defined]
    for goal in routes.cells:
        distances = grid_distances(maze_map, goal)
        assert distances.keys() == set(routes.cells)
        for cell in routes.cells:
            following = routes.next_cell(cell, goal)
            assert distances[following] == max(distances[cell] - 1, 0)
            assert abs(following[0] - cell[0]) + abs(following[1] - cell[1]) <= 1


@pytest.mark.parametrize("id", MAPS)
def test_cells_and_positions_agree_with_the_environment(id: str) -> None:
    environment = make(id)
    routes, maze = MazeRoutes(environment), environment.unwrapped.maze  # type: ignore[attr-defined]
    for cell in routes.cells:
        np.testing.assert_allclose(routes.centre(cell), maze.cell_rowcol_to_xy(np.array(cell)))
        point = routes.point_in(cell, (0.3, -0.45))
        assert routes.cell(point) == cell == tuple(maze.cell_xy_to_rowcol(np.array(point)))


@pytest.mark.parametrize("id", MAPS)
def test_goals_of_the_environment_are_reached(id: str) -> None:
    """Without goals of its own and without wandering the controller arrives, whatever the map."""
    environment = make(id, reset_target=False)
    behaviour = WaypointBehaviour(environment, gain=30.0, noise=0.1, own_goals=0, wander=0)
    for seed in range(3):
        observation, _ = environment.reset(seed=seed)
        behaviour.reset(seed)
        success = False
        while not success:
            observation, _, _, truncated, info = environment.step(behaviour(observation))
            success = info["success"]
            assert not truncated, f"seed {seed}: not there within the time limit"


def test_it_covers_the_maze() -> None:
    """4,000 steps visit every cell, touch walls, brake and race, and use all of the action range."""
    environment = make("PointMaze_UMaze-v3")
    behaviour, routes = WaypointBehaviour(environment), MazeRoutes(environment)
    states, actions = [], []
    for seed in range(14):
        observation, _ = environment.reset(seed=seed)
        behaviour.reset(seed)
        for _ in range(290):
            actions.append(behaviour(observation))
            observation, *_ = environment.step(actions[-1])
            states.append(observation["observation"])
    rows = np.array(states)
    visited = {routes.cell((x, y)) for x, y in rows[:, :2]}
    assert visited == set(routes.cells)
    # The ball has a radius of 0.1: at a distance of 0.4 from the middle of a cell it touches the wall.
    centres = np.array([routes.centre(routes.cell((x, y))) for x, y in rows[:, :2]])
    assert np.mean(np.abs(rows[:, :2] - centres).max(axis=1) > 0.395) > 0.05
    speed = np.linalg.norm(rows[:, 2:], axis=1)
    assert np.quantile(speed, 0.05) < 0.6
    assert np.quantile(speed, 0.95) > 3.0
    histogram, _ = np.histogram(np.array(actions), bins=8, range=(-1, 1))
    assert histogram.min() > 0.04 * histogram.sum()


@pytest.mark.parametrize(
    "changed",
    [
        {"gain": 3.0},
        {"damping": 0.2},
        {"noise": 0.1},
        {"own_goals": 0.0},
        {"wander": 0.0},
        {"wander_steps": 5},
        {"patience": 20},
    ],
)
def test_every_option_changes_the_actions(changed: dict[str, float]) -> None:
    environment = make("PointMaze_UMaze-v3", max_episode_steps=400)

    def actions(options: dict[str, Any]) -> np.ndarray[Any, Any]:
        behaviour = WaypointBehaviour(environment, **options)
        observation, _ = environment.reset(seed=0)
        behaviour.reset(0)
        taken = []
        for _ in range(399):
            taken.append(behaviour(observation))
            observation, *_ = environment.step(taken[-1])
        return np.array(taken)

    assert not np.array_equal(actions({}), actions(changed))


def test_an_environment_without_a_maze_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"waypoints need a maze .*HalfCheetah-v5.* smooth_noise"):
        WaypointBehaviour(make("HalfCheetah-v5"))


@pytest.mark.parametrize("wrong", [{"own_goals": 1.5}, {"wander": -1.0}, {"gain": 0.0}, {"patience": 0}])
def test_options_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="waypoints need own_goals"):
        WaypointBehaviour(make("PointMaze_UMaze-v3"), **wrong)


class TestWithoutVariety:
    """The recipe of D4RL: one controller, white noise."""

    def drive(self, steps: int, **options: Any) -> tuple[list[Any], np.ndarray[Any, Any], MazeRoutes]:
        environment = make("PointMaze_UMaze-v3", max_episode_steps=10**6)
        behaviour = WaypointBehaviour(environment, own_goals=0, wander=0, vary=False, **options)
        observation, _ = environment.reset(seed=0)
        behaviour.reset(0)
        observations, actions = [], []
        for _ in range(steps):
            observations.append(observation)
            actions.append(behaviour(observation))
            observation, *_ = environment.step(actions[-1])
        return observations, np.stack(actions), MazeRoutes(environment)

    def test_one_controller_drives_to_every_goal(self) -> None:
        observations, actions, routes = self.drive(1500, noise=0.0)
        assert len({tuple(observation["desired_goal"]) for observation in observations}) > 2
        for observation, action in zip(observations, actions, strict=True):
            position, goal = tuple(observation["achieved_goal"]), tuple(observation["desired_goal"])
            following = routes.next_cell(routes.cell(position), routes.cell(goal))
            target = goal if routes.cell(position) == routes.cell(goal) else routes.centre(following)
            push = 10 * (np.array(target) - position) - observation["observation"][2:]
            np.testing.assert_allclose(action, np.clip(push, -1, 1), atol=1e-5)

    def test_its_noise_is_white(self) -> None:
        _, actions, _ = self.drive(4000, gain=1e-9, damping=0.0, noise=0.2)
        np.testing.assert_allclose(actions.std(axis=0), 0.2, atol=0.01)
        assert abs(np.corrcoef(actions[1:, 0], actions[:-1, 0])[0, 1]) < 0.1
