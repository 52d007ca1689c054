"""The task that an environment sets itself."""

from __future__ import annotations

from mbrl_mts3.envs.tasks.franka_kitchen import FrankaKitchenTask
from mbrl_mts3.envs.tasks.half_cheetah import HalfCheetahTask
from mbrl_mts3.envs.tasks.learned_reward import LearnedRewardTask
from mbrl_mts3.envs.tasks.point_maze import PointMazeTask
from mbrl_mts3.envs.tasks.skid_steer import SkidSteerTask
from mbrl_mts3.envs.tasks.task import Task


def default_task(env_id: str | None) -> Task:
    """The task with the environment's own reward, where that is known here; else the learned reward."""
    name = "" if env_id is None else env_id.split("/")[-1].split(":")[-1]
    if name.startswith("HalfCheetah"):
        return HalfCheetahTask()
    if name.startswith("PointMaze"):
        return PointMazeTask("dense" if "Dense" in name else "sparse")
    if name.startswith("SkidSteer"):
        return SkidSteerTask()
    if name.startswith("FrankaKitchen"):
        return FrankaKitchenTask()
    return LearnedRewardTask()
