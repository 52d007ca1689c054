"""Scripted motions of the Franka kitchen's tasks, as data."""

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


@dataclass(frozen=True)
class KitchenTask:
    """What to touch, what to move, and how."""

    site: str
    """Of the handle, in the simulator's model."""
    joint: str
    """That the handle hangs on."""
    goal: tuple[float, ...]
    """Where the joint shall be: rad, m, or a position (x, y, z) in m of what moves freely."""
    waypoints: tuple[Waypoint, ...]
    obstructs: bool = False
    """Whether the goal leaves something in the way of other tasks; a random order keeps it for the end."""


def _knob(site: str, joint: str, goal: float) -> KitchenTask:
    """The closed fingertips push the upper end of a knob's bar to the right.

    Turned a little towards the bar, the fingers touch its flat side; at its edge they would jam.
    """
    yaw = -0.25
    return KitchenTask(
        site=site,
        joint=joint,
        goal=(goal,),
        waypoints=(
            Waypoint((-0.07, -0.12, 0.042), yaw=yaw, tolerance=0.03),
            Waypoint((-0.045, -0.006, 0.042), yaw=yaw, tolerance=0.015),
            Waypoint((-0.012, -0.006, 0.042), yaw=yaw, lead=0.6, tolerance=0.08),
            Waypoint((-0.07, -0.12, 0.042), yaw=yaw, tolerance=0.04),
        ),
    )


KITCHEN_PLANS = {
    # The fingers close around the upright handle and pull it along the door's arc.
    "microwave": KitchenTask(
        site="microhandle_site",
        joint="microwave",
        goal=(-0.85,),
        waypoints=(
            Waypoint((0.03, -0.12, 0.0), OPEN, yaw=0.3),
            Waypoint((-0.005, 0.03, 0.0), OPEN, yaw=0.3, tolerance=0.015),
            Waypoint((-0.005, 0.03, 0.0), CLOSED, yaw=0.3, tolerance=0.0, patience=4),
            Waypoint((-0.005, 0.03, 0.0), CLOSED, yaw=0.3, lead=0.25, tolerance=0.1),
            Waypoint((-0.005, 0.03, 0.0), OPEN, yaw=0.3, tolerance=0.0, patience=3),
            Waypoint((0.05, -0.15, 0.05), OPEN, yaw=0.3),
        ),
    ),
    # Two open fingers push the kettle's foot straight ahead.
    "kettle": KitchenTask(
        site="kettle_site",
        joint="kettle",
        goal=(-0.23, 0.75, 1.62),
        waypoints=(
            Waypoint((0.0, -0.3, -0.1), OPEN, pitch=0.4, tolerance=0.05),
            Waypoint((0.0, -0.2, -0.19), OPEN, pitch=0.4),
            Waypoint((0.0, -0.1, -0.19), OPEN, pitch=0.4, lead=0.08, tolerance=0.04),
            Waypoint((0.0, -0.3, -0.05), OPEN, pitch=0.4, tolerance=0.05),
        ),
    ),
    # The closed fingers push the lever to the left.
    "light switch": KitchenTask(
        site="light_site",
        joint="light_switch",
        goal=(-0.69,),
        waypoints=(
            Waypoint((0.08, -0.12, 0.0), tolerance=0.04),
            Waypoint((0.07, 0.01, 0.0)),
            Waypoint((0.03, 0.01, 0.0), lead=0.3, tolerance=0.05),
            Waypoint((0.08, -0.12, 0.0), tolerance=0.04),
        ),
    ),
    # The closed fingers push the door to the right by its handle.
    "slide cabinet": KitchenTask(
        site="slide_site",
        joint="slide_cabinet",
        goal=(0.37,),
        waypoints=(
            Waypoint((-0.1, -0.15, 0.0), tolerance=0.04),
            Waypoint((-0.08, 0.01, 0.0)),
            Waypoint((-0.03, 0.01, 0.0), lead=0.08, tolerance=0.02),
            Waypoint((-0.1, -0.15, 0.0), tolerance=0.04),
        ),
    ),
    "bottom burner": _knob("knob2_site", "knob_Joint_2", -0.88),
    "top burner": _knob("knob4_site", "knob_Joint_4", -0.92),
    # The fingers pull the door open by its handle, then push it from behind.
    "hinge cabinet": KitchenTask(
        site="hinge_site2",
        joint="right_hinge_cabinet",
        goal=(1.45,),
        waypoints=(
            Waypoint((0.0, -0.12, 0.0), OPEN, tolerance=0.03),
            Waypoint((0.0, 0.025, 0.0), OPEN, tolerance=0.015),
            Waypoint((0.0, 0.025, 0.0), tolerance=0.0, patience=4),
            Waypoint((0.0, 0.025, 0.0), lead=0.3, tolerance=0.75),
            Waypoint((0.0, 0.025, 0.0), OPEN, tolerance=0.0, patience=3),
            Waypoint((-0.02, -0.15, 0.0), OPEN, tolerance=0.04),
            Waypoint((-0.18, 0.0, 0.0), tolerance=0.04),
            Waypoint((-0.1, 0.2, 0.0), tolerance=0.04),
            Waypoint((-0.06, 0.16, 0.0), lead=0.4, tolerance=0.1),
            Waypoint((-0.12, 0.2, 0.0), tolerance=0.04),
        ),
        obstructs=True,
    ),
}
