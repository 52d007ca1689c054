"""Rewards as functions of transitions, for planning and for learning in imagination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from mbrl_mts3.envs.maze_map import DistanceField


@dataclass(frozen=True)
class ForwardProgressReward:
    """Mean velocity along one axis less the cost of control, r_t = w_f (x_{t+1} - x_t) / dt - w_c sum a_t^2."""

    column: int
    """Where the position along that axis is in an observation."""
    step_seconds: float
    """dt."""
    forward_weight: float = 1.0
    control_weight: float = 0.0

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        velocity = (next_observation[..., self.column] - observation[..., self.column]) / self.step_seconds
        return self.forward_weight * velocity - self.control_weight * action.square().sum(dim=-1)


GOAL_RADIUS = 0.45
"""Within it PointMaze's goals count as reached, in units of length."""

DistanceKind = Literal["straight", "dense", "sparse"]


@dataclass(frozen=True)
class GoalDistanceReward:
    """Reward for the distance d of o_{t+1} to the goal, walls or not.

    "straight": -d. "dense": exp(-d), as PointMaze's own dense reward. "sparse": 1 within the goal's radius, else 0.
    """

    goal: Tensor
    """(B, 2)."""
    columns: tuple[int, int]
    """Where x and y are in an observation."""
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
class HalfCheetahReward:
    """Forward velocity less the cost of control, r_t = w_f v_{t+1} - w_c sum a_t^2.

    The environment pays (x_{t+1} - x_t) / dt, but x is not observed: the velocity at the end of the step stands for the
    mean velocity of it.
    """

    velocity_column: int
    """Where the forward velocity is in an observation, in units per second."""
    forward_weight: float = 1.0
    control_weight: float = 0.1

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        velocity = next_observation[..., self.velocity_column]
        return self.forward_weight * velocity - self.control_weight * action.square().sum(dim=-1)


@dataclass(frozen=True)
class KitchenReward:
    """One for each task that the transition finishes, or, where tasks stay on the list, for each that is done after it.

    A task that was done before the transition, or finished earlier in the episode, pays nothing; one that is undone and
    done again within a single plan pays twice, for a plan has no memory of its own.
    """

    goals: KitchenGoals
    finished: Tensor | None = None
    """(B, K): 1 where a task was finished before; None if nothing is known of that."""
    once: bool = True
    """Whether a finished task is off the list, the environment's `remove_task_when_completed`."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        done = self.goals.reached(next_observation)
        if self.once:
            done = done & ~self.goals.reached(observation)
            if self.finished is not None:
                done = done & ~aligned(self.finished, done)
        return done.to(next_observation.dtype).sum(dim=-1)


KITCHEN_RADIUS = 0.3
"""Below this distance to its goal an object is where it should be, positions and angles counted alike."""

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
"""By task, where FrankaKitchen-v1 wants the joints of its object, by the names of observations."""


@dataclass(frozen=True)
class KitchenGoals:
    """Goals of K kitchen tasks, and whether observed objects have reached them."""

    columns: tuple[tuple[int, ...], ...]
    """For each task where its object's joints are in an observation."""
    goals: tuple[tuple[float, ...], ...]
    """For each task where these should be, in metres or radians."""
    radius: float = KITCHEN_RADIUS

    def reached(self, observation: Tensor) -> Tensor:
        """(..., obs) -> (..., K), bool: which objects are where they should be."""
        return torch.stack([self._distance(observation, task) < self.radius for task in range(len(self.goals))], dim=-1)

    def _distance(self, observation: Tensor, task: int) -> Tensor:
        goal = observation.new_tensor(self.goals[task])
        return (observation[..., list(self.columns[task])] - goal).square().sum(dim=-1).sqrt()


def aligned(finished: Tensor, like: Tensor) -> Tensor:
    """Finished tasks (B, K) as bool with the dimensions of `like` (B, ..., K)."""
    kept = finished.to(like.device) > 0.5
    return kept.reshape(len(kept), *(1,) * (like.ndim - 2), kept.shape[-1])


@dataclass(frozen=True)
class ShortestPathReward:
    """Shaped reward of a maze: minus the length of the shortest path from o_{t+1} to the goal.

    Summed over a plan it asks to be near the goal early; a plan of a few steps already sees the way around a corner,
    where the straight distance leads into the wall.
    """

    field: DistanceField
    """Of the goals of B environments."""
    columns: tuple[int, int]
    """Where x and y are in an observation."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        field = self.field.to(next_observation.device)
        return -field(next_observation[..., self.columns])
