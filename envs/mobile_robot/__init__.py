"""A four-wheel skid-steer robot on hilly terrain."""

from mbrl_mts3.envs.mobile_robot.skid_steer_env import (
    REACHED_DISTANCE,
    STEP_SECONDS,
    TIPPING_ANGLE,
    HillyTerrain,
    SkidSteerEnv,
)

__all__ = ["REACHED_DISTANCE", "STEP_SECONDS", "TIPPING_ANGLE", "HillyTerrain", "SkidSteerEnv"]
