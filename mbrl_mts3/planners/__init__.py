"""Search for action sequences; no planner knows a model."""

from mbrl_mts3.planners.action_noise import coloured_noise
from mbrl_mts3.planners.icem import ICEM
from mbrl_mts3.planners.objective import RolloutObjective
from mbrl_mts3.planners.plan import Plan
from mbrl_mts3.planners.planner import Objective, Planner
from mbrl_mts3.planners.planner_state import PlannerState
from mbrl_mts3.planners.random_shooting import RandomShooting
from mbrl_mts3.planners.reward_function import RewardFunction

__all__ = [
    "ICEM",
    "Objective",
    "Plan",
    "Planner",
    "PlannerState",
    "RandomShooting",
    "RewardFunction",
    "RolloutObjective",
    "coloured_noise",
]
