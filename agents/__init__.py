"""Everything that acts: planning agents, behaviour that collects data, and their evaluation."""

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.agents.evaluation_result import EvaluationResult
from mbrl_mts3.agents.mpc_agent import MPCAgent
from mbrl_mts3.agents.mpc_state import MPCState
from mbrl_mts3.agents.random_agent import RandomAgent
from mbrl_mts3.agents.recorded_episode import RecordedEpisode

__all__ = [
    "Agent",
    "EvaluationResult",
    "MPCAgent",
    "MPCState",
    "RandomAgent",
    "RecordedEpisode",
    "evaluate_agent",
]
