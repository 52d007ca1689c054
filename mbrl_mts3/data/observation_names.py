"""Names of observation entries of known environments."""

from __future__ import annotations

_CHEETAH_JOINTS = ("rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
_CHEETAH = (*_CHEETAH_JOINTS, "v_rootx", *(f"v_{joint}" for joint in _CHEETAH_JOINTS))

_POINT_MAZE = ("x", "y", "vx", "vy")

_ARM = (*(f"panda0_joint{i}" for i in range(1, 8)), "panda0_finger_joint1", "panda0_finger_joint2")
_FIXTURES = (
    "knob_joint_1",
    "bottom_right_burner",
    "knob_joint_2",
    "bottom_left_burner",
    "knob_joint_3",
    "top_right_burner",
    "knob_joint_4",
    "top_left_burner",
    "light_switch",
    "light_joint",
    "slide_cabinet",
    "left_hinge_cabinet",
    "right_hinge_cabinet",
    "microwave",
)
_KETTLE = tuple(f"kettle_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz"))
_KETTLE_VELOCITY = tuple(f"v_kettle_{axis}" for axis in ("x", "y", "z", "rx", "ry", "rz"))
# The order of FrankaKitchen-v1: robot qpos (9), robot qvel (9), object qpos (21), object qvel (20).
_KITCHEN = (
    *_ARM,
    *(f"v_{joint}" for joint in _ARM),
    *_FIXTURES,
    *_KETTLE,
    *(f"v_{joint}" for joint in _FIXTURES),
    *_KETTLE_VELOCITY,
)

_ANGLES = ("roll", "pitch", "yaw")
_SKID_STEER = ("x", "y", "z", *(f"sin_{angle}" for angle in _ANGLES), *(f"cos_{angle}" for angle in _ANGLES))
# D4RL's kitchen: robot qpos, object qpos, and the goal of all 30.
_KITCHEN_POSITIONS = (*_ARM, *_FIXTURES, *_KETTLE)
_D4RL_KITCHEN = (*_KITCHEN_POSITIONS, *(f"goal_{name}" for name in _KITCHEN_POSITIONS))

_HOPPER_JOINTS = ("rootz", "rooty", "thigh_joint", "leg_joint", "foot_joint")
_HOPPER = (*_HOPPER_JOINTS, "v_rootx", *(f"v_{joint}" for joint in _HOPPER_JOINTS))
_WALKER_JOINTS = (*_HOPPER_JOINTS, "thigh_left_joint", "leg_left_joint", "foot_left_joint")
_WALKER = (*_WALKER_JOINTS, "v_rootx", *(f"v_{joint}" for joint in _WALKER_JOINTS))

_KNOWN: dict[str, tuple[tuple[str, ...], ...]] = {
    # The second layout has exclude_current_positions_from_observation=False.
    "HalfCheetah": (_CHEETAH, ("rootx", *_CHEETAH)),
    "PointMaze": (_POINT_MAZE,),
    "FrankaKitchen": (_KITCHEN,),
    "SkidSteer": (_SKID_STEER,),
    "Hopper": (_HOPPER,),
    "Walker2d": (_WALKER,),
    # Names of D4RL data sets, where no environment of today has their layout.
    "maze2d": (_POINT_MAZE,),
    "kitchen": (_D4RL_KITCHEN,),
}


def known_names(env_id: str | None, size: int) -> tuple[str, ...] | None:
    """Names of the `size` entries of an environment's main observation; None where they are not known.

    Args:
        env_id: an environment's id, or the name of a D4RL data set.
    """
    for prefix, layouts in _KNOWN.items():
        if env_id is not None and env_id.split("/")[-1].split(":")[-1].startswith(prefix):
            return next((names for names in layouts if len(names) == size), None)
    return None


def position_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """The entries of a known layout that are positions or angles, no velocities and no goals."""
    return tuple(name for name in names if not name.startswith(("v", "goal_")))
