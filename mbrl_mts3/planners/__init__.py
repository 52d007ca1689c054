"""Planners: search for action sequences that maximise an objective. No planner knows a model."""

from mbrl_mts3.planners.action_noise import coloured_covariance, coloured_noise
from mbrl_mts3.planners.base import Found, Objective, Plan, Planner, PlannerState
from mbrl_mts3.planners.cem import CEM
from mbrl_mts3.planners.data_graph import DataGraph, GoalValues, StepsToGoal, ValueFunction
from mbrl_mts3.planners.data_noise import DataNoise
from mbrl_mts3.planners.data_windows import DataWindows, Walks
from mbrl_mts3.planners.gradient_ascent import GradientAscent
from mbrl_mts3.planners.hierarchical import Hierarchical, HierarchicalState
from mbrl_mts3.planners.icem import ICEM
from mbrl_mts3.planners.mppi import MPPI
from mbrl_mts3.planners.objective import RewardFunction, RolloutObjective
from mbrl_mts3.planners.proposal import ActionFunction, PolicyProposal
from mbrl_mts3.planners.random_shooting import RandomShooting

__all__ = [
    "CEM",
    "ICEM",
    "MPPI",
    "ActionFunction",
    "DataGraph",
    "DataNoise",
    "DataWindows",
    "Found",
    "GoalValues",
    "GradientAscent",
    "Hierarchical",
    "HierarchicalState",
    "Objective",
    "Plan",
    "Planner",
    "PlannerState",
    "PolicyProposal",
    "RandomShooting",
    "RewardFunction",
    "RolloutObjective",
    "StepsToGoal",
    "ValueFunction",
    "Walks",
    "coloured_covariance",
    "coloured_noise",
]
