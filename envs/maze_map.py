"""The walls of a maze, and shortest paths between them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import gymnasium
import numpy as np
import torch
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from torch import Tensor

from mbrl_mts3.array_types import BoolArray, DoubleArray
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.tensor_record import TensorRecord


class MazeMap:
    """Map of a maze, centred at the origin; the first row lies at the largest y, as in Gymnasium-Robotics.

    Args:
        cells: rows of cells; 1 is wall, anything else free.
        cell_size: side of a cell, in units of length.
        nodes_per_cell: resolution of the grid on which paths are measured.
        margin: within this distance of a wall a path costs more, so that the cheapest path leads around corners with
            a clearance; 0.3 leaves room for a ball of radius 0.1.
        margin_cost: cost per length at a wall; far from walls it is 1.
        goals: number of goals whose distances are cached.

    Raises:
        ConfigurationError: the cells are not a rectangle, or none of them is free.
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
        # From here on the first row has the smallest y, so that indices grow with the coordinates.
        self._free: BoolArray = np.kron(~walls[::-1], np.ones((nodes_per_cell, nodes_per_cell), dtype=bool))
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
        """Length of the shortest path from each position to each goal (B, 2), in units of length.

        Near walls length costs more (see `margin`). Inside walls the distance rises so fast that a quarter of a cell
        costs as much as the longest path: imagining a path through a wall does not pay.
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
        # The cached distances are dropped, because a cache cannot be pickled.
        self._distances = lru_cache(maxsize=self._goals)(self._measure)

    def _measure(self, x: float, y: float) -> DoubleArray:
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


# 32 directions, one of each pair of opposites: path lengths are at most 1.4% above the true ones.
_REACH = 3
_MOVES = [
    (rows, columns)
    for rows, columns in itertools.product(range(_REACH + 1), range(-_REACH, _REACH + 1))
    if math.gcd(rows, columns) == 1 and (rows, columns) > (0, 0)
]


def clearance(free: BoolArray, spacing: float) -> DoubleArray:
    """Distance of every free node to the nearest wall, 0 inside walls. Everything outside the grid is wall."""
    padded = np.pad(free, 1)
    nearest: DoubleArray = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1]
    # The surface of a wall lies half way between a free node and a wall node.
    return np.maximum(nearest - spacing / 2, 0.0)


def path_graph(cost: DoubleArray, free: BoolArray, spacing: float) -> sparse.csr_matrix:
    """Graph of the free nodes; an edge costs its length times the mean cost per length at its ends."""
    nodes = np.arange(free.size).reshape(free.shape)
    edges = [_edges(nodes, cost, free, move, spacing) for move in _MOVES]
    weights, starts, ends = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    return sparse.csr_matrix((weights, (starts, ends)), shape=(free.size, free.size))


def distances_from(graph: sparse.csr_matrix, start: int, shape: tuple[int, int]) -> DoubleArray:
    """Cost of the cheapest path from one node to every node; infinite for nodes that cannot be reached."""
    distances: DoubleArray = csgraph.dijkstra(graph, directed=False, indices=start).reshape(shape)
    return distances


def extend_into_walls(distances: DoubleArray, spacing: float, slope: float) -> DoubleArray:
    """Fill unreachable nodes with the value of the nearest reachable node plus slope times the distance to it."""
    depth, index = ndimage.distance_transform_edt(~np.isfinite(distances), sampling=spacing, return_indices=True)
    extended: DoubleArray = distances[tuple(index)] + slope * depth
    return extended


def _edges(
    nodes: np.ndarray, cost: DoubleArray, free: BoolArray, move: tuple[int, int], spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, start nodes and end nodes of the edges of one move.

    All nodes of the rectangle between both ends must be free: no path leads between two walls that touch at a corner.
    """
    rectangle = itertools.product(_steps(move[0]), _steps(move[1]))
    is_open = np.logical_and.reduce([_shifted(free, move, part) for part in rectangle])
    start, end = (0, 0), move
    length = spacing * math.hypot(*move)
    weights = length * (_shifted(cost, move, start) + _shifted(cost, move, end))[is_open] / 2
    return weights, _shifted(nodes, move, start)[is_open], _shifted(nodes, move, end)[is_open]


def _steps(distance: int) -> range:
    return range(min(0, distance), max(0, distance) + 1)


def _shifted(grid: np.ndarray, move: tuple[int, int], part: tuple[int, int]) -> np.ndarray:
    """The grid at start + part, for all starts from which the move stays on the grid."""
    slices = [
        slice(max(0, -step) + offset, size - max(0, step) + offset)
        for size, step, offset in zip(grid.shape, move, part, strict=True)
    ]
    return grid[slices[0], slices[1]]


@dataclass(frozen=True, repr=False)
class DistanceField(TensorRecord):
    """Distances to the goals of B environments, interpolated bilinearly between the nodes of a square grid.

    Outside the grid the value at its nearest border is used.
    """

    values: Tensor
    """(B, rows, columns): rows run along y, columns along x."""
    origin: Tensor
    """(B, 2): x and y of the node [0, 0]."""
    spacing: Tensor
    """(B,): distance of neighbouring nodes."""

    def __call__(self, positions: Tensor) -> Tensor:
        """Distances (B, ...) at the positions (B, ..., 2). NaN gives NaN."""
        batch, rows, columns = self.values.shape
        leading = (batch, *(1,) * (positions.ndim - 2))
        scaled = (positions - self.origin.reshape(*leading, 2)) / self.spacing.reshape(*leading, 1)
        column = scaled[..., 0].clamp(0, columns - 1)
        row = scaled[..., 1].clamp(0, rows - 1)
        # The last cell includes its right border; NaN may take any cell, because its weight below is NaN too.
        left = column.nan_to_num().floor().clamp(max=columns - 2)
        low = row.nan_to_num().floor().clamp(max=rows - 2)
        first = torch.arange(batch, device=low.device).reshape(leading) * (rows * columns)
        corner = first + low.long() * columns + left.long()
        flat = self.values.reshape(-1)
        across, up = column - left, row - low
        below = torch.lerp(flat[corner], flat[corner + 1], across)
        above = torch.lerp(flat[corner + columns], flat[corner + columns + 1], across)
        return torch.lerp(below, above, up)
