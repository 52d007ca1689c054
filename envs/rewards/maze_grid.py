"""Shortest ways on a fine grid."""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

FloatGrid = np.ndarray[tuple[int, int], np.dtype[np.float64]]
BoolGrid = np.ndarray[tuple[int, int], np.dtype[np.bool_]]

# 32 directions, one of each pair of opposites: the length of a way is at most 1.4% above the true one.
_REACH = 3
_MOVES = [
    (rows, columns)
    for rows, columns in itertools.product(range(_REACH + 1), range(-_REACH, _REACH + 1))
    if math.gcd(rows, columns) == 1 and (rows, columns) > (0, 0)
]


def clearance(free: BoolGrid, spacing: float) -> FloatGrid:
    """Distance of every free node to the nearest wall, 0 inside walls. Beyond the grid everything is wall."""
    padded = np.pad(free, 1)
    nearest: FloatGrid = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1]
    # The surface of a wall lies half way between a free node and a wall node.
    return np.maximum(nearest - spacing / 2, 0.0)


def path_graph(cost: FloatGrid, free: BoolGrid, spacing: float) -> sparse.csr_matrix:
    """Edges between free nodes, weighted by length times the mean cost per length of both ends."""
    nodes = np.arange(free.size).reshape(free.shape)
    edges = [_edges(nodes, cost, free, move, spacing) for move in _MOVES]
    weights, starts, ends = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    return sparse.csr_matrix((weights, (starts, ends)), shape=(free.size, free.size))


def distances_from(graph: sparse.csr_matrix, start: int, shape: tuple[int, int]) -> FloatGrid:
    """Cost of the cheapest way from one node to every node; infinite where none leads."""
    distances: FloatGrid = csgraph.dijkstra(graph, directed=False, indices=start).reshape(shape)
    return distances


def extend_into_walls(distances: FloatGrid, spacing: float, slope: float) -> FloatGrid:
    """Where no way leads: the value of the nearest node that one leads to, plus slope times the distance to it."""
    depth, index = ndimage.distance_transform_edt(~np.isfinite(distances), sampling=spacing, return_indices=True)
    extended: FloatGrid = distances[tuple(index)] + slope * depth
    return extended


def _edges(
    nodes: np.ndarray, cost: FloatGrid, free: BoolGrid, move: tuple[int, int], spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, start nodes and end nodes of one kind of move.

    All nodes of the rectangle between both ends must be free: no way slips between two walls that touch at a corner.
    """
    rectangle = itertools.product(_steps(move[0]), _steps(move[1]))
    open_ways = np.logical_and.reduce([_shifted(free, move, part) for part in rectangle])
    start, end = (0, 0), move
    length = spacing * math.hypot(*move)
    weights = length * (_shifted(cost, move, start) + _shifted(cost, move, end))[open_ways] / 2
    return weights, _shifted(nodes, move, start)[open_ways], _shifted(nodes, move, end)[open_ways]


def _steps(distance: int) -> range:
    return range(min(0, distance), max(0, distance) + 1)


def _shifted(grid: np.ndarray, move: tuple[int, int], part: tuple[int, int]) -> np.ndarray:
    """The grid at start + part, for all starts from which the move stays on the grid."""
    slices = [
        slice(max(0, -step) + offset, size - max(0, step) + offset)
        for size, step, offset in zip(grid.shape, move, part, strict=True)
    ]
    return grid[slices[0], slices[1]]
