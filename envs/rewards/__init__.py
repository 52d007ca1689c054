"""Rewards as functions of transitions, for planning and for learning in imagination."""

from mbrl_mts3.envs.rewards.distance_field import DistanceField
from mbrl_mts3.envs.rewards.forward_progress import ForwardProgressReward
from mbrl_mts3.envs.rewards.goal_distance import GOAL_RADIUS, GoalDistanceReward
from mbrl_mts3.envs.rewards.half_cheetah import HalfCheetahReward
from mbrl_mts3.envs.rewards.kitchen import KitchenReward
from mbrl_mts3.envs.rewards.kitchen_goals import KITCHEN_GOALS, KITCHEN_RADIUS, KitchenGoals
from mbrl_mts3.envs.rewards.maze_map import MazeMap
from mbrl_mts3.envs.rewards.shortest_path import ShortestPathReward

__all__ = [
    "GOAL_RADIUS",
    "KITCHEN_GOALS",
    "KITCHEN_RADIUS",
    "DistanceField",
    "ForwardProgressReward",
    "GoalDistanceReward",
    "HalfCheetahReward",
    "KitchenGoals",
    "KitchenReward",
    "MazeMap",
    "ShortestPathReward",
]
