"""Scripted motions of the Franka kitchen's tasks, as data."""

from __future__ import annotations

from mbrl_mts3.agents.behaviour.kitchen.kitchen_task import KitchenTask
from mbrl_mts3.agents.behaviour.kitchen.kitchen_waypoint import CLOSED, OPEN, Waypoint


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
    # The fingers close around the upright handle and draw it along the door's arc.
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
    # The fingers draw the door open by its handle, then push it from behind.
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
