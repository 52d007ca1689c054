"""The default tasks of an environment, and the task of the learned reward."""

from __future__ import annotations

from typing import Any

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.tasks.franka_kitchen import FrankaKitchenTask
from mbrl_mts3.envs.tasks.half_cheetah import HalfCheetahTask
from mbrl_mts3.envs.tasks.point_maze import PointMazeTask
from mbrl_mts3.envs.tasks.skid_steer import SkidSteerTask


def default_task(env_id: str | None) -> Task:
    """The task with the environment's own reward, if this package has it; otherwise the learned reward."""
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


def planning_task(env_id: str | None) -> Task:
    """The task that an environment is planned for unless another is named: `default_task`, but mazes by their map.

    Their own reward is sparse, and lies behind the horizon of most plans. With a value behind it (`data_graph`) the
    sparse one can be planned for, too.
    """
    task = default_task(env_id)
    return PointMazeTask("shaped") if isinstance(task, PointMazeTask) else task


class LearnedRewardTask(Task):
    """The task with the reward that the model learned from its data; its termination head ends episodes."""

    name = "the learned reward"

    def reward_function(self, observation: Any, selector: ObservationSelector) -> None:
        return None
