"""A noisy controller that drives a point through a maze."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.agents.behaviour.maze_routes import MazeRoutes, Point
from mbrl_mts3.agents.behaviour.smooth_noise import SmoothNoise
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
        gain: largest proportional gain, 1/m; each goal draws one, log-uniform over a factor of five.
        damping: middle derivative gain, s/m; each goal draws one, log-uniform from half to twice this.
        noise: largest standard deviation of the noise; each goal draws one, uniform.
        own_goals: share of goals that are drawn anywhere in the free cells.
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
