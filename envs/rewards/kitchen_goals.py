"""When a task in the kitchen counts as done."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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
    """K tasks, by what is observed of their objects."""

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
