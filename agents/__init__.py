"""Agents: planning (MPC), policies, behaviour that collects data, and their evaluation."""

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.baselines import RandomAgent
from mbrl_mts3.agents.evaluation import EvaluatedEpisode, EvaluationResult, evaluate_agent
from mbrl_mts3.agents.imagined_evaluation import evaluate_imagined
from mbrl_mts3.agents.planning.mpc import MPCAgent, MPCState
from mbrl_mts3.agents.rollout_report import RolloutReport, RolloutResult

__all__ = [
    "Agent",
    "EvaluatedEpisode",
    "EvaluationResult",
    "MPCAgent",
    "MPCState",
    "RandomAgent",
    "RolloutReport",
    "RolloutResult",
    "evaluate_agent",
    "evaluate_imagined",
]
