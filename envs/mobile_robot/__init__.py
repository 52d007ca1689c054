"""A four-wheel skid-steer robot on hilly terrain."""

from mbrl_mts3.envs.mobile_robot.skid_steer_env import STEP_SECONDS, TIPPING_ANGLE, HillyTerrain, SkidSteerEnv

__all__ = ["STEP_SECONDS", "TIPPING_ANGLE", "HillyTerrain", "SkidSteerEnv"]
