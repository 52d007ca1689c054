"""What a scripted motion asks of a robot's tool."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_mts3.agents.behaviour.kitchen.inverse_kinematics import FloatArray


@dataclass(frozen=True)
class ToolTarget:
    """A pose to come nearer to within one step of the environment."""

    position: FloatArray
    """(3,), m, in the world."""
    rotation: FloatArray
    """(3, 3): columns are the tool's axes in the world."""
    grip: float
    """Action of the fingers, in [-1, 1]."""
    speed: float
    """Longest step, m."""
