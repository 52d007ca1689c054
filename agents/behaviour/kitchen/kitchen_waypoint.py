"""One leg of a scripted motion in the Franka kitchen."""

from __future__ import annotations

from dataclasses import dataclass

OPEN, CLOSED = 1.0, -1.0


@dataclass(frozen=True)
class Waypoint:
    """Where the tool goes next, relative to the handle of a task.

    The tool's z axis points out between the fingers, its y axis from one finger to the other. Without angles z points
    along the world's y, at the back wall, and y along the world's x, to the right.
    """

    offset: tuple[float, float, float]
    """Tool relative to the handle, m, in world axes when the motion begins; it turns with the joint afterwards."""
    grip: float = CLOSED
    """Action of both fingers."""
    yaw: float = 0.0
    """Turn of the tool about the world's z, rad, positive to the left."""
    pitch: float = 0.0
    """Tilt of the tool downwards, rad."""
    lead: float | None = None
    """None reaches for the handle where it is. A number drives the joint: the target lies this much of the joint's
    coordinate (rad or m) nearer to the task's goal than the joint is at that moment."""
    tolerance: float = 0.02
    """Distance to the target, m, or of a driven joint to its goal (rad or m), at which the leg ends."""
    patience: int = 40
    """Steps after which the leg ends anyway."""
    speed: float = 0.05
    """Longest step of the tool, m."""
