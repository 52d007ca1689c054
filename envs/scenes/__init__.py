"""Imagined observations drawn by the real simulators."""

from mbrl_mts3.envs.scenes.franka_kitchen import FrankaKitchenScene
from mbrl_mts3.envs.scenes.half_cheetah import HalfCheetahScene
from mbrl_mts3.envs.scenes.make_drawn import make_drawn
from mbrl_mts3.envs.scenes.open_scene import open_scene
from mbrl_mts3.envs.scenes.point_maze import PointMazeScene
from mbrl_mts3.envs.scenes.scene import Scene
from mbrl_mts3.envs.scenes.skid_steer import SkidSteerScene

__all__ = [
    "FrankaKitchenScene",
    "HalfCheetahScene",
    "PointMazeScene",
    "Scene",
    "SkidSteerScene",
    "make_drawn",
    "open_scene",
]
