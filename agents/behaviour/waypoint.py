"""A noisy waypoint controller that drives a point through a maze."""

from __future__ import annotations

from collections import deque
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import Env

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.agents.behaviour.noise import SmoothNoise
from mbrl_mts3.errors import ConfigurationError

# Farthest that a goal of our own lies from the middle of its cell: the wall, less the radius of the ball.
_REACH = 0.4
# Steps of memory of noise that is white for all purposes: 4% remain after one step.
_WHITE = 0.3


class WaypointBehaviour(Behaviour):
    """Heads for random goals along shortest ways, by proportional-derivative control with noise.

    The recipe of D4RL's maze2d data (Fu et al., 2020: random goals, a = gain (waypoint - position) - damping velocity,
    plus noise), with more variety, so that a model learns more than one manner of driving: each goal comes with its own
    gain and noise, some goals are our own instead of the environment's, and now and then the point wanders with strong
    noise alone, which drives it into walls.

    Args:
        environment: a PointMaze; make it with `continuing_task=True, reset_target=True`, so that goals change.
        gain: largest proportional gain, 1/m; sampled for each goal, log-uniform over a factor of five.
        damping: middle derivative gain, s/m; sampled for each goal, log-uniform from half to twice this.
        noise: largest standard deviation of the noise; sampled for each goal, uniform.
        own_goals: share of goals that are sampled anywhere in the free cells.
        wander: probability, at each step, to begin a stretch of strong noise.
        wander_steps: longest such stretch.
        patience: steps after which a goal of our own is given up.
        vary: False leaves the variety out: one controller, with the given gain, damping and (almost white) noise. With
            own_goals=0, wander=0 and noise=0.5 as well, that is D4RL's recipe.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        gain: float = 10.0,
        damping: float = 1.0,
        noise: float = 0.6,
        own_goals: float = 0.5,
        wander: float = 0.01,
        wander_steps: int = 50,
        patience: int = 300,
        vary: bool = True,
    ) -> None:
        if not (0 <= own_goals <= 1 and 0 <= wander <= 1 and gain > 0 and wander_steps > 0 and patience > 0):
            raise ConfigurationError(
                "waypoints need own_goals and wander in [0, 1], positive gain, wander_steps and patience"
            )
        self._routes = MazeRoutes(environment)
        self._gain, self._damping, self._noise = gain, damping, noise
        self._own_goals, self._patience = own_goals, patience
        self._wander, self._wander_steps = wander, wander_steps
        self._vary = vary
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._wandering = self._steps_on_goal = 0
        self._desired: Point | None = None
        self._own: Point | None = None

    def __call__(self, observation: Any) -> ActionArray:
        x, y, vx, vy = observation["observation"].tolist()
        self._choose_goal(tuple(observation["desired_goal"].tolist()), (x, y))
        push_x, push_y = self._next_noise().tolist()
        if not self._wandering:
            target = self._waypoint((x, y))
            push_x += self._leg_gain * (target[0] - x) - self._leg_damping * vx
            push_y += self._leg_gain * (target[1] - y) - self._leg_damping * vy
        # Plain floats all along: on arrays of two numbers this function would take longer than the simulator.
        return np.array([min(max(push_x, -1.0), 1.0), min(max(push_y, -1.0), 1.0)], np.float32)

    def _choose_goal(self, desired: Point, position: Point) -> None:
        """Keep to the goal until the environment's changes, ours is reached, or patience ends."""
        self._steps_on_goal += 1
        if desired != self._desired or (self._own is not None and self._done(position)):
            self._desired = desired
            self._steps_on_goal = 0
            own = self._generator.random() < self._own_goals
            self._own = self._random_goal() if own else None
            self._tune()

    def _tune(self) -> None:
        """The manner of driving to a goal."""
        self._leg_gain, self._leg_damping = self._gain, self._damping
        if self._vary:
            self._leg_gain *= 5 ** self._generator.uniform(-1, 0)
            self._leg_damping *= 2 ** self._generator.uniform(-1, 1)
            self._leg_noise = self._smooth(self._noise * self._generator.uniform())
        else:
            self._leg_noise = SmoothNoise(self._generator, 2, _WHITE, self._noise)

    def _done(self, position: Point) -> bool:
        assert self._own is not None
        near = abs(self._own[0] - position[0]) + abs(self._own[1] - position[1]) < 0.1
        return near or self._steps_on_goal >= self._patience

    def _random_goal(self) -> Point:
        cell = self._routes.cells[self._generator.integers(len(self._routes.cells))]
        x, y = self._generator.uniform(-_REACH, _REACH, 2).tolist()
        return self._routes.point_in(cell, (x, y))

    def _waypoint(self, position: Point) -> Point:
        goal = self._own or self._desired
        assert goal is not None
        here, there = self._routes.cell(position), self._routes.cell(goal)
        following = self._routes.next_cell(here, there)
        return goal if here == there else self._routes.centre(following)

    def _next_noise(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        if self._wandering:
            self._wandering -= 1
        elif self._generator.random() < self._wander:
            self._wandering = int(self._generator.integers(1, self._wander_steps + 1))
            self._wander_noise = self._smooth(1.0)
        return (self._wander_noise if self._wandering else self._leg_noise).step()

    def _smooth(self, deviation: float) -> SmoothNoise:
        """From nearly white to slow, since a planner will later try all of that."""
        return SmoothNoise(self._generator, 2, 10 ** self._generator.uniform(-0.5, 1.5), deviation)


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
