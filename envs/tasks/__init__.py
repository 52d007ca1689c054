"""What an agent is to do."""

from mbrl_mts3.envs.tasks.default_task import default_task
from mbrl_mts3.envs.tasks.franka_kitchen import FrankaKitchenTask
from mbrl_mts3.envs.tasks.half_cheetah import HalfCheetahTask
from mbrl_mts3.envs.tasks.learned_reward import LearnedRewardTask
from mbrl_mts3.envs.tasks.maze_goals import MazeGoals
from mbrl_mts3.envs.tasks.point_maze import PointMazeTask
from mbrl_mts3.envs.tasks.skid_steer import SkidSteerTask
from mbrl_mts3.envs.tasks.task import Task

__all__ = [
    "FrankaKitchenTask",
    "HalfCheetahTask",
    "LearnedRewardTask",
    "MazeGoals",
    "PointMazeTask",
    "SkidSteerTask",
    "Task",
    "default_task",
]
