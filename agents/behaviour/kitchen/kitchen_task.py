"""A task of the Franka kitchen as a scripted motion."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_mts3.agents.behaviour.kitchen.kitchen_waypoint import Waypoint


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
