"""The walls of a maze and the shortest ways between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import gymnasium
import numpy as np
import torch
from scipy import sparse

from mbrl_mts3.envs.rewards.distance_field import DistanceField
from mbrl_mts3.envs.rewards.maze_grid import (
    BoolGrid,
    FloatGrid,
    clearance,
    distances_from,
    extend_into_walls,
    path_graph,
)
from mbrl_mts3.errors import ConfigurationError


class MazeMap:
    """Cells of a maze, centred at the origin: the first row lies at the largest y, as in Gymnasium-Robotics.

    Args:
        cells: rows of cells; 1 is wall, anything else free.
        cell_size: side of a cell, in units of length.
        nodes_per_cell: fineness of the grid on which ways are measured.
        margin: within this distance of a wall a way costs more, so that the cheapest way leads around corners with a
            clearance; 0.3 leaves a ball of radius 0.1 some room.
        margin_cost: cost per length at a wall, against 1 far from walls.
        goals: distances to this many goals are kept.

    Raises:
        ConfigurationError: the cells are no rectangle or none is free.
    """

    def __init__(
        self,
        cells: Sequence[Sequence[Any]],
        cell_size: float = 1.0,
        *,
        nodes_per_cell: int = 20,
        margin: float = 0.3,
        margin_cost: float = 4.0,
        goals: int = 256,
    ) -> None:
        if len({len(row) for row in cells}) != 1:
            raise ConfigurationError(f"a maze map needs rows of one length, got {[len(row) for row in cells]}")
        walls = np.array([[cell == 1 for cell in row] for row in cells])
        if walls.all():
            raise ConfigurationError("a maze map needs at least one free cell")
        self.walls = walls
        """(rows, columns) bool."""
        self.cell_size = cell_size
        self.spacing = cell_size / nodes_per_cell
        self.margin = margin
        self.margin_cost = margin_cost
        # From here on the first row is the one at the smallest y, so that indices grow with the coordinates.
        self._free: BoolGrid = np.kron(~walls[::-1], np.ones((nodes_per_cell, nodes_per_cell), dtype=bool))
        height, width = walls.shape
        corner = np.array([-width / 2, -height / 2]) * cell_size
        self._origin = corner + self.spacing / 2
        self._goals = goals
        self._distances = lru_cache(maxsize=goals)(self._measure)

    @classmethod
    def from_environment(cls, environment: gymnasium.Env[Any, Any], **options: Any) -> MazeMap:
        """The maze of a PointMaze or AntMaze environment.

        Raises:
            ConfigurationError: the environment has no maze.
        """
        maze = getattr(environment.unwrapped, "maze", None)
        if maze is None:
            raise ConfigurationError(f"{environment} has no maze: shortest paths need a PointMaze environment")
        return cls(maze.maze_map, float(maze.maze_size_scaling), **options)

    def distance_field(self, goals: np.ndarray) -> DistanceField:
        """Length of the shortest way from everywhere to each goal (B, 2), in units of length.

        Near walls the length counts more (see `margin`). Inside walls it rises so fast that a quarter of a cell costs
        as much as the longest way: a model that imagines to slip through a wall gains nothing.
        """
        fields = [self._distances(float(x), float(y)) for x, y in np.asarray(goals, dtype=np.float64)]
        return DistanceField(
            values=torch.as_tensor(np.stack(fields), dtype=torch.float32),
            origin=torch.as_tensor(self._origin, dtype=torch.float32).expand(len(fields), 2),
            spacing=torch.full((len(fields),), self.spacing),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_distances": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # What was measured so far stays behind: a cache cannot be pickled.
        self._distances = lru_cache(maxsize=self._goals)(self._measure)

    def _measure(self, x: float, y: float) -> FloatGrid:
        distances = distances_from(self._graph, self._nearest_free_node(x, y), self._shape)
        longest = distances[np.isfinite(distances)].max()
        return extend_into_walls(distances, self.spacing, slope=longest / (self.cell_size / 4))

    @cached_property
    def _graph(self) -> sparse.csr_matrix:
        near = 1 - clearance(self._free, self.spacing) / self.margin
        cost = 1 + (self.margin_cost - 1) * np.clip(near, 0, 1)
        return path_graph(cost, self._free, self.spacing)

    @property
    def _shape(self) -> tuple[int, int]:
        return self._free.shape[0], self._free.shape[1]

    def _nearest_free_node(self, x: float, y: float) -> int:
        rows, columns = np.nonzero(self._free)
        nodes = self._origin + self.spacing * np.stack([columns, rows], axis=-1)
        nearest = np.square(nodes - (x, y)).sum(axis=-1).argmin()
        return int(rows[nearest] * self._shape[1] + columns[nearest])
