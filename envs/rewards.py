"""Reward functions of transitions, for planning and for training in imagination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mbrl_mts3.envs.maze_map import DistanceField


@dataclass(frozen=True)
class ForwardProgressReward:
    """Mean velocity along one axis less control cost, r_t = w_f (x_{t+1} - x_t) / dt - w_c sum a_t^2."""

    column: int
    """Column of the position along that axis in an observation."""
    step_seconds: float
    """dt."""
    forward_weight: float = 1.0
    control_weight: float = 0.0

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        velocity = (next_observation[..., self.column] - observation[..., self.column]) / self.step_seconds
        return self.forward_weight * velocity - self.control_weight * action.square().sum(dim=-1)


GOAL_RADIUS = 0.45
"""Distance within which a goal of PointMaze counts as reached, in units of length."""

DistanceKind = Literal["straight", "dense", "sparse"]


@dataclass(frozen=True)
class GoalDistanceReward:
    """Reward by the straight distance d from o_{t+1} to the goal, whatever walls are between.

    "straight": -d. "dense": exp(-d), the dense reward of PointMaze. "sparse": 1 within the goal's radius, else 0.
    """

    goal: Tensor
    """(B, 2)."""
    columns: tuple[int, int]
    """Columns of x and y in an observation."""
    kind: DistanceKind = "straight"
    radius: float = GOAL_RADIUS

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        goal = self.goal.to(next_observation.device).reshape(len(self.goal), *(1,) * (next_observation.ndim - 2), 2)
        distance = (next_observation[..., self.columns] - goal).square().sum(dim=-1).sqrt()
        if self.kind == "straight":
            return -distance
        if self.kind == "dense":
            return (-distance).exp()
        return (distance <= self.radius).to(distance.dtype)


@dataclass(frozen=True)
class DriveToPointReward:
    """Minus the seconds that a robot which turns on the spot needs to a point, from o_{t+1} and on flat ground.

    d / v + theta / omega d / (d + r): the straight distance d, and the angle theta in [0, pi/2] from the robot's axis
    to the point, whichever end is ahead. Within about the radius r the direction counts for little. A plan that is too
    short to turn and to come nearer still sees that turning pays.
    """

    goal: Tensor
    """(B, 2)."""
    columns: tuple[int, int, int, int]
    """Columns of x, y and of the sine and cosine of the yaw in an observation."""
    speed: float = 1.0
    """v, in m/s."""
    turn_rate: float = 1.0
    """omega, in rad/s."""
    radius: float = GOAL_RADIUS
    """r, in metres."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        x, y, sine, cosine = (next_observation[..., column] for column in self.columns)
        goal = self.goal.to(next_observation.device).reshape(len(self.goal), *(1,) * (next_observation.ndim - 2), 2)
        east, north = goal[..., 0] - x, goal[..., 1] - y
        distance = (east.square() + north.square()).sqrt()
        ahead, aside = cosine * east + sine * north, cosine * north - sine * east
        angle = torch.atan2(aside.abs(), ahead.abs())
        turning = angle / self.turn_rate * distance / (distance + self.radius)
        return -(distance / self.speed + turning)


@dataclass(frozen=True)
class HalfCheetahReward:
    """Forward velocity less control cost, r_t = w_f v_{t+1} - w_c sum a_t^2.

    The environment's reward has (x_{t+1} - x_t) / dt, but x is not observed: the velocity at the end of the step
    replaces its mean velocity.
    """

    velocity_column: int
    """Column of the forward velocity in an observation, in units per second."""
    forward_weight: float = 1.0
    control_weight: float = 0.1

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        velocity = next_observation[..., self.velocity_column]
        return self.forward_weight * velocity - self.control_weight * action.square().sum(dim=-1)


@dataclass(frozen=True)
class KitchenReward:
    """Reward of 1 for each kitchen task that a transition completes.

    With once=False each task that is complete after the transition gives 1. With once=True a task that was complete
    before the transition, or finished earlier in the episode, gives no reward. A task that is undone and completed
    again within one plan gives 1 twice, because a plan does not remember it.
    """

    goals: KitchenGoals
    finished: Tensor | None = None
    """(B, K): 1 where a task was finished before; None if that is not known."""
    once: bool = True
    """Whether a task is rewarded only once, the environment's `remove_task_when_completed`."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        done = self.goals.reached(next_observation)
        if self.once:
            done = done & ~self.goals.reached(observation)
            if self.finished is not None:
                done = done & ~aligned(self.finished, done)
        return done.to(next_observation.dtype).sum(dim=-1)


KITCHEN_RADIUS = 0.3
"""Distance below which an object is at its goal, over positions in metres and angles in radians alike."""

KITCHEN_GOALS: dict[str, dict[str, float]] = {
    "bottom burner": {"knob_joint_2": -0.88, "bottom_left_burner": -0.01},
    "top burner": {"knob_joint_4": -0.92, "top_left_burner": -0.01},
    "light switch": {"light_switch": -0.69, "light_joint": -0.05},
    "slide cabinet": {"slide_cabinet": 0.37},
    "hinge cabinet": {"left_hinge_cabinet": 0.0, "right_hinge_cabinet": 1.45},
    "microwave": {"microwave": -0.75},
    "kettle": {
        "kettle_x": -0.23,
        "kettle_y": 0.75,
        "kettle_z": 1.62,
        "kettle_qw": 0.99,
        "kettle_qx": 0.0,
        "kettle_qy": 0.0,
        "kettle_qz": -0.06,
    },
}
"""Goals of the tasks of FrankaKitchen-v1: positions of the object's joints, by the names of observations."""


@dataclass(frozen=True)
class KitchenGoals:
    """Goals of K kitchen tasks; tells which objects of an observation have reached them."""

    columns: tuple[tuple[int, ...], ...]
    """For each task the columns of its object's joints in an observation."""
    goals: tuple[tuple[float, ...], ...]
    """For each task the goal of these joints, in metres or radians."""
    radius: float = KITCHEN_RADIUS

    def reached(self, observation: Tensor) -> Tensor:
        """Which objects are at their goal, (..., K) bool, in observations (..., obs)."""
        return torch.stack([self._distance(observation, task) < self.radius for task in range(len(self.goals))], dim=-1)

    def _distance(self, observation: Tensor, task: int) -> Tensor:
        goal = observation.new_tensor(self.goals[task])
        return (observation[..., list(self.columns[task])] - goal).square().sum(dim=-1).sqrt()


def aligned(finished: Tensor, like: Tensor) -> Tensor:
    """Finished tasks (B, K) as bool, reshaped to broadcast with `like` (B, ..., K)."""
    done = finished.to(like.device) > 0.5
    return done.reshape(len(done), *(1,) * (like.ndim - 2), done.shape[-1])


@dataclass(frozen=True)
class ShortestPathReward:
    """Shaped reward of a maze: minus the length of the shortest path from o_{t+1} to the goal.

    Summed over a plan, it is largest for plans that come near the goal early. Even a plan of a few steps follows the
    path around a corner, where the straight distance leads into the wall.
    """

    field: DistanceField
    """Distances to the goals of B environments."""
    columns: tuple[int, int]
    """Columns of x and y in an observation."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        field = self.field.to(next_observation.device)
        return -field(next_observation[..., self.columns])
