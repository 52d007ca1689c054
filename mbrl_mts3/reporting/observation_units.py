"""Units of the observations whose meaning we know."""

from __future__ import annotations

_LENGTHS = {"x", "y", "z", "rootx", "rootz", "kettle_x", "kettle_y", "kettle_z", "slide_cabinet"}
_LENGTHS |= {"panda0_finger_joint1", "panda0_finger_joint2"}
_ANGLES = {"rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot", "microwave"}
_ANGLES |= {"left_hinge_cabinet", "right_hinge_cabinet", "kettle_rx", "kettle_ry", "kettle_rz"}
_ANGLES |= {f"panda0_joint{i}" for i in range(1, 8)}


def observation_unit(name: str) -> str:
    """Unit of an observation of a known environment (see `known_names`) by its name; empty where not known."""
    if name in ("vx", "vy"):
        return "m/s"
    position = name.removeprefix("v_")
    unit = "m" if position in _LENGTHS else "rad" if position in _ANGLES else ""
    return f"{unit}/s" if unit and position != name else unit


def with_unit(name: str) -> str:
    """The name with its unit in brackets, where it has a known one."""
    unit = observation_unit(name)
    return f"{name} ({unit})" if unit else name
