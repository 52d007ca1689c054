"""Everything that acts: planning agents, behaviour that collects data, and their evaluation."""

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.agents.evaluation_result import EvaluationResult
from mbrl_mts3.agents.imagined_evaluation import evaluate_imagined
from mbrl_mts3.agents.mpc_agent import MPCAgent
from mbrl_mts3.agents.mpc_state import MPCState
from mbrl_mts3.agents.random_agent import RandomAgent
from mbrl_mts3.agents.recorded_episode import RecordedEpisode
from mbrl_mts3.agents.rollout import Rollout
from mbrl_mts3.agents.rollout_report import RolloutReport

__all__ = [
    "Agent",
    "EvaluationResult",
    "MPCAgent",
    "MPCState",
    "RandomAgent",
    "RecordedEpisode",
    "Rollout",
    "RolloutReport",
    "evaluate_agent",
    "evaluate_imagined",
]
