"""Shortest ways through mazes, against geometry and the environments' own maps."""

import itertools
import math
import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium_robotics.envs.maze import maps
from scipy.interpolate import RegularGridInterpolator

from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.maze_map import DistanceField, MazeMap
from mbrl_mts3.errors import ConfigurationError

ROOM = [[1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]]
DIAGONAL = [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]]


def distances(maze: MazeMap, goal: tuple[float, float], points: Any) -> np.ndarray:
    field = maze.distance_field(np.array([goal]))
    return field(torch.as_tensor(np.asarray(points), dtype=torch.float32)[None])[0].numpy()


def test_in_an_open_room_the_way_is_the_straight_line() -> None:
    maze = MazeMap(ROOM, margin_cost=1.0)
    points = np.random.default_rng(0).uniform((-1.9, -1.4), (1.9, 1.4), (500, 2))
    straight = np.linalg.norm(points - (0.7, -0.4), axis=-1)
    np.testing.assert_allclose(distances(maze, (0.7, -0.4), points), straight, rtol=0.02, atol=0.05)


def test_around_a_wall_the_way_bends_at_its_corners() -> None:
    maze = MazeMap(maps.U_MAZE, margin_cost=1.0)
    start, goal = np.array([-1.0, 1.0]), np.array([-1.0, -1.0])
    # The wall between both arms ends at x = 0.5 and is one unit thick.
    corners = [np.array([0.5, 0.5]), np.array([0.5, -0.5])]
    stations = [start, *corners, goal]
    length = sum(float(np.linalg.norm(b - a)) for a, b in itertools.pairwise(stations))
    # Half a node around each corner, and the directions of the grid, make it a little longer.
    assert length < distances(maze, (-1.0, -1.0), [start])[0] < 1.04 * length


def test_the_way_keeps_clear_of_walls() -> None:
    near_wall, middle = (0.0, 1.4), (0.0, 1.0)
    maze = MazeMap(maps.U_MAZE)
    plain = MazeMap(maps.U_MAZE, margin_cost=1.0)
    goal = (-1.0, 1.0)
    assert distances(plain, goal, [near_wall])[0] == pytest.approx(math.hypot(1, 0.4), abs=0.05)
    assert distances(maze, goal, [near_wall])[0] > math.hypot(1, 0.4) + 0.2
    assert distances(maze, goal, [middle])[0] == pytest.approx(1, abs=0.05)


def test_inside_walls_and_beyond_the_maze_the_way_costs_more_than_the_longest_way() -> None:
    maze = MazeMap(maps.U_MAZE)
    free = [(x, y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 1.0)] + [(1.0, 0.0)]
    goal = (-1.0, -1.0)
    longest = distances(maze, goal, free).max()
    inside = [(0.0, 0.0), (-1.0, 0.1), (0.2, 0.0), (2.0, 0.0), (9.0, 9.0), (-1.0, -1.9)]
    assert (distances(maze, goal, inside) > longest).all()


def test_no_way_slips_between_walls_that_touch_at_a_corner() -> None:
    # Cut off from the goal, the other cell counts as wall.
    across = distances(MazeMap(DIAGONAL), (-0.5, 0.5), [(0.5, -0.5), (0.4, -0.4)])
    assert (across > 1.4).all()


@pytest.mark.parametrize("name", ["UMaze", "Medium", "Large", "Open"])
def test_going_downhill_from_any_cell_leads_to_the_goal(name: str) -> None:
    environment = make_environment(f"PointMaze_{name}-v3")
    inner: Any = environment.unwrapped
    maze = MazeMap.from_environment(environment)
    rows, columns = np.nonzero(~maze.walls)
    cells = np.array([inner.maze.cell_rowcol_to_xy(cell) for cell in zip(rows, columns, strict=True)])
    environment.close()
    field = maze.distance_field(cells[:1])
    turns = torch.arange(32) * (2 * math.pi / 32)
    moves = 0.15 * torch.stack([turns.cos(), turns.sin()], dim=-1)
    at = torch.as_tensor(cells, dtype=torch.float32)
    for _ in range(250):
        tried = at[:, None] + moves
        values = field(tried[None])[0]
        at = torch.where(
            (values.min(dim=1).values < field(at[None])[0])[:, None], tried[range(len(at)), values.argmin(1)], at
        )
    assert (np.linalg.norm(at.numpy() - cells[0], axis=-1) < 0.2).all()


def test_the_map_lies_as_the_environment_has_it(u_maze: gymnasium.Env[Any, Any]) -> None:
    inner: Any = u_maze.unwrapped
    maze = MazeMap.from_environment(u_maze)
    field = maze.distance_field(np.array([inner.maze.cell_rowcol_to_xy((1, 1))]))
    for row, column in itertools.product(range(5), range(5)):
        x, y = inner.maze.cell_rowcol_to_xy((row, column))
        value = float(field(torch.tensor([[[x, y]]], dtype=torch.float32)))
        wall = inner.maze.maze_map[row][column] == 1
        # Twice the sum of steps between cell centres is a generous upper bound for ways, a low one for walls.
        assert (value > 10) == wall, (row, column, value)


def test_lookup_is_bilinear_per_environment_and_clamps_at_the_border() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 4, 6))
    field = DistanceField(
        torch.as_tensor(values, dtype=torch.float32), torch.tensor([[-1.0, 2.0], [0.0, 0.0]]), torch.tensor([0.5, 2.0])
    )
    points = rng.uniform(-3, 14, size=(2, 7, 5, 2))
    found = field(torch.as_tensor(points, dtype=torch.float32))
    for b, (x0, y0, spacing) in enumerate([(-1.0, 2.0, 0.5), (0.0, 0.0, 2.0)]):
        xs, ys = x0 + spacing * np.arange(6), y0 + spacing * np.arange(4)
        inside = np.clip(points[b], (xs[0], ys[0]), (xs[-1], ys[-1]))
        expected = RegularGridInterpolator((ys, xs), values[b])(inside[..., ::-1])
        np.testing.assert_allclose(found[b], expected, atol=1e-4)


def test_a_nan_position_has_a_nan_distance() -> None:
    field = MazeMap(maps.U_MAZE).distance_field(np.array([[1.0, 0.0]]))
    found = field(torch.tensor([[[math.nan, 0.0], [1.0, math.nan], [1.0, 0.0]]]))[0]
    assert found.isnan().tolist() == [True, True, False]


def test_fields_of_several_goals_come_in_their_order() -> None:
    maze = MazeMap(maps.U_MAZE)
    goals = np.array([[-1.0, 1.0], [1.0, 0.0]])
    field = maze.distance_field(goals)
    at_goals = field(torch.as_tensor(goals, dtype=torch.float32)[:, None])[:, 0]
    assert (at_goals < 0.05).all()


@pytest.mark.parametrize("cells", [[[1, 1], [1]], [[1, 1], [1, 1]]])
def test_a_map_that_is_no_maze_is_refused(cells: list[list[int]]) -> None:
    with pytest.raises(ConfigurationError, match="maze map"):
        MazeMap(cells)


def test_an_environment_without_walls_is_refused() -> None:
    environment = make_environment("HalfCheetah-v5")
    with pytest.raises(ConfigurationError, match="no maze"):
        MazeMap.from_environment(environment)
    environment.close()


def test_a_pickled_map_measures_the_same() -> None:
    maze = MazeMap([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]])
    goals, places = np.array([[0.5, 0.0]]), torch.tensor([[[-0.5, 0.1], [0.4, 0.0]]])
    expected = maze.distance_field(goals)(places)
    assert torch.equal(pickle.loads(pickle.dumps(maze)).distance_field(goals)(places), expected)
