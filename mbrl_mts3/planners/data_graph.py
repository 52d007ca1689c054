"""A terminal value from a graph over the data: how many steps its episodes need from a state to a goal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from torch import Tensor

from mbrl_mts3.array_types import Array, BoolArray, DoubleArray
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError


@runtime_checkable
class ValueFunction(Protocol):
    """The value of states at which a plan ends, in units of the reward.

    Observations hold the entries that the model observes, in physical units; their first dimension is that of the B
    environments.
    """

    def __call__(self, observation: Tensor) -> Tensor:
        """Values (B, N) of observations (B, N, obs)."""
        ...


class DataGraph:
    """States of the data, joined where episodes went on and where they nearly met.

    Every `stride`-th observation of each episode, its last one included, is a node. An edge along an episode costs the
    steps between its ends. An edge between neighbours in the space of observations, in both directions, costs one step
    and `jump_cost` steps per unit of distance, since nobody has gone there; so a path leaves the data only for a short
    way. Steps from every node to a goal follow by Dijkstra's algorithm.

    Args:
        episodes: of the data, in physical units.
        scale: (obs,), what counts as one unit of distance in each entry.
        stride: steps from one node of an episode to the next.
        neighbours: how many neighbours each node is joined to at most.
        radius: the largest distance of neighbours, in units of `scale`.
        jump_cost: steps per unit of distance.

    Raises:
        ConfigurationError: an option out of range, or no episodes.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        scale: Tensor,
        *,
        stride: int = 5,
        neighbours: int = 8,
        radius: float = 0.25,
        jump_cost: float = 40.0,
    ) -> None:
        if min(stride, neighbours) < 1 or not (radius > 0 and jump_cost >= 0) or not episodes:
            raise ConfigurationError(
                f"a graph over {len(episodes)} episodes with stride={stride}, neighbours={neighbours}, radius={radius} "
                f"and jump_cost={jump_cost}: expected at least one episode, whole numbers from 1, a positive radius "
                "and no negative cost"
            )
        self.scale = scale.double().cpu().numpy()
        self.jump_cost = jump_cost
        self.radius = radius
        nodes, self._along = _nodes_along(episodes, stride)
        self.observations = torch.from_numpy(np.concatenate(nodes)).float()
        """(nodes, obs): in physical units."""
        self._tree = cKDTree(self.observations.double().numpy() / self.scale)
        self._edges = self._join(neighbours, radius)

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self.observations)

    def steps_to(self, goal: BoolArray) -> DoubleArray:
        """Steps (nodes,) from each node to the nearest node of `goal` (nodes,) bool; infinite where there is no path.

        Raises:
            ConfigurationError: no node is in the goal.
        """
        targets = np.flatnonzero(goal)
        if not len(targets):
            raise ConfigurationError(
                "no observation of the data lies in the goal: choose another goal, or data that reaches it"
            )
        # Against the direction of the edges, from all targets at once.
        steps: DoubleArray = dijkstra(self._edges.T, directed=True, indices=targets, min_only=True)
        return steps

    def nearest(self, observation: Array, count: int) -> tuple[DoubleArray, Array]:
        """Distances and indices (..., count) of the nodes nearest to observations (..., obs)."""
        distance, index = self._tree.query(observation / self.scale, k=np.arange(1, count + 1))
        return distance, index

    def _join(self, neighbours: int, radius: float) -> csr_matrix:
        count = min(neighbours + 1, len(self))
        distance, index = self._tree.query(self._tree.data, k=np.arange(1, count + 1), distance_upper_bound=radius)
        begin = np.repeat(np.arange(len(self)), count)
        end, length = index.ravel(), distance.ravel()
        # What lies beyond the radius has the index behind the last one; the nearest node is the node itself.
        near = (end < len(self)) & (end != begin)
        begin, end, cost = begin[near], end[near], 1.0 + self.jump_cost * length[near]
        first, last, steps = self._along
        rows, columns = np.concatenate([first, begin, end]), np.concatenate([last, end, begin])
        costs = np.concatenate([steps, cost, cost])
        # Of several edges between the same nodes the cheapest counts; building a matrix would add them up.
        order = np.lexsort((costs, columns, rows))
        rows, columns, costs = rows[order], columns[order], costs[order]
        kept = np.r_[True, (np.diff(rows) != 0) | (np.diff(columns) != 0)]
        return csr_matrix((costs[kept], (rows[kept], columns[kept])), shape=(len(self), len(self)))


def _nodes_along(episodes: Sequence[Episode], stride: int) -> tuple[list[Array], tuple[Array, Array, DoubleArray]]:
    """Observations of the nodes of each episode, and the edges along episodes: first node, next node, steps."""
    nodes, first, steps, begin = [], [], [], 0
    for episode in episodes:
        last = len(episode)
        places = np.r_[np.arange(0, last, stride), last]
        nodes.append(episode.observations[places])
        first.append(begin + np.arange(len(places) - 1))
        steps.append(np.diff(places).astype(np.float64))
        begin += len(places)
    begins = np.concatenate(first)
    return nodes, (begins, begins + 1, np.concatenate(steps))


@dataclass(frozen=True, eq=False)
class StepsToGoal:
    """Minus the steps that the data needs to the goal, at most `longest` of them: a `ValueFunction`.

    From an observation to a node it costs as much as between neighbours; the cheapest of the nearest nodes counts, of
    those within the graph's radius, or the nearest one where none is. A node further away may lie behind a wall.
    With a reward of 1 in each step at the goal, as of sparse mazes, its unit is that of the reward.

    Args:
        graph: over the data.
        steps: (B, nodes), of `DataGraph.steps_to` for the goal of each environment.
        longest: the value where no path leads to the goal, in steps.
        neighbours: how many of the nearest nodes are asked.
    """

    graph: DataGraph
    steps: DoubleArray
    longest: float = 1000.0
    neighbours: int = 4

    def __call__(self, observation: Tensor) -> Tensor:
        distance, index = self.graph.nearest(observation.double().cpu().numpy(), min(self.neighbours, len(self.graph)))
        rows = np.arange(len(self.steps)).reshape(-1, *(1,) * (index.ndim - 1))
        near = distance <= self.graph.radius
        near[..., 0] = True
        steps = np.where(near, self.steps[rows, index] + self.graph.jump_cost * distance, np.inf)
        found = torch.from_numpy(np.minimum(steps.min(axis=-1), self.longest))
        return -found.to(observation)


class GoalValues:
    """The value of each goal, computed once: steps along the data to whatever reaches it.

    Args:
        graph: over the data.
        longest: see `StepsToGoal`.
    """

    def __init__(self, graph: DataGraph, longest: float = 1000.0) -> None:
        self.graph = graph
        self.longest = longest
        self._known: dict[bytes, DoubleArray] = {}

    def value(self, reached: Callable[[Tensor], Tensor], batch_size: int) -> StepsToGoal:
        """The value for the goals of B environments.

        Args:
            reached: (B, nodes, obs) -> (B, nodes) bool, such as `Task.success_function` gives.

        Raises:
            ConfigurationError: no observation of the data reaches a goal.
        """
        goals = reached(self.graph.observations.expand(batch_size, -1, -1)).cpu().numpy()
        return StepsToGoal(self.graph, np.stack([self._steps(goal) for goal in goals]), self.longest)

    def _steps(self, goal: BoolArray) -> DoubleArray:
        key = np.packbits(goal).tobytes()
        if key not in self._known:
            self._known[key] = self.graph.steps_to(goal)
        return self._known[key]
