"""A wheeled robot on hilly ground."""

from mbrl_mts3.envs.mobile_robot.hilly_terrain import HillyTerrain
from mbrl_mts3.envs.mobile_robot.skid_steer_env import STEP_SECONDS, TIPPING_ANGLE, SkidSteerEnv

__all__ = ["STEP_SECONDS", "TIPPING_ANGLE", "HillyTerrain", "SkidSteerEnv"]
