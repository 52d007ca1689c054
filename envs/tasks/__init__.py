"""Tasks: rewards, terminations and success of episodes."""

from mbrl_mts3.envs.tasks.base import Task
from mbrl_mts3.envs.tasks.default import LearnedRewardTask, default_task, planning_task
from mbrl_mts3.envs.tasks.fitted_reward import FittedReward, FittedRewardTask
from mbrl_mts3.envs.tasks.franka_kitchen import FrankaKitchenTask
from mbrl_mts3.envs.tasks.half_cheetah import HalfCheetahTask
from mbrl_mts3.envs.tasks.point_maze import MazeGoals, PointMazeTask
from mbrl_mts3.envs.tasks.skid_steer import SkidSteerGoalTask, SkidSteerTask

__all__ = [
    "FittedReward",
    "FittedRewardTask",
    "FrankaKitchenTask",
    "HalfCheetahTask",
    "LearnedRewardTask",
    "MazeGoals",
    "PointMazeTask",
    "SkidSteerGoalTask",
    "SkidSteerTask",
    "Task",
    "default_task",
    "planning_task",
]
