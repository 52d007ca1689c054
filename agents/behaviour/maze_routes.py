"""Shortest ways from cell to cell of a maze."""

from __future__ import annotations

from collections import deque
from typing import Any, TypeAlias

from gymnasium import Env

from mbrl_mts3.errors import ConfigurationError

Cell: TypeAlias = tuple[int, int]
Point: TypeAlias = tuple[float, float]


class MazeRoutes:
    """The free cells of a Gymnasium-Robotics maze, any of its maps, and the next cell on the way to each other one.

    Raises:
        ConfigurationError: the environment has no maze.
    """

    def __init__(self, environment: Env[Any, Any]) -> None:
        maze = getattr(environment.unwrapped, "maze", None)
        if maze is None:
            raise ConfigurationError(
                f"waypoints need a maze such as PointMaze_UMaze-v3, {environment.unwrapped} has none: "
                "choose another behaviour, for example smooth_noise"
            )
        self._scale = float(maze.maze_size_scaling)
        self._centre = (float(maze.x_map_center), float(maze.y_map_center))
        rows = enumerate(maze.maze_map)
        self.cells: list[Cell] = [(i, j) for i, row in rows for j, kind in enumerate(row) if kind != 1]
        self._free = set(self.cells)
        self._next: dict[Cell, dict[Cell, Cell]] = {}

    def cell(self, point: Point) -> Cell:
        """The cell that a position (x, y) lies in; rows count downwards."""
        row = int((self._centre[1] - point[1]) // self._scale)
        return row, int((point[0] + self._centre[0]) // self._scale)

    def centre(self, cell: Cell) -> Point:
        """Position (x, y) of the middle of a cell."""
        x = (cell[1] + 0.5) * self._scale - self._centre[0]
        return x, self._centre[1] - (cell[0] + 0.5) * self._scale

    def point_in(self, cell: Cell, offset: Point) -> Point:
        """A point of the cell; offsets from its middle in cell widths, in [-0.5, 0.5]."""
        x, y = self.centre(cell)
        return x + offset[0] * self._scale, y + offset[1] * self._scale

    def next_cell(self, start: Cell, goal: Cell) -> Cell:
        """The cell to head for; `goal` itself where it is reached, or no way leads there."""
        if goal not in self._next:
            self._next[goal] = self._search(goal)
        return self._next[goal].get(start, goal)

    def _search(self, goal: Cell) -> dict[Cell, Cell]:
        """Breadth first, backwards from the goal."""
        successor, queue = {goal: goal}, deque([goal])
        while queue:
            i, j = reached = queue.popleft()
            for neighbour in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                if neighbour in self._free and neighbour not in successor:
                    successor[neighbour] = reached
                    queue.append(neighbour)
        return successor
