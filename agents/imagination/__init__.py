"""Policies that train inside a world model."""

from mbrl_mts3.agents.imagination.base import ImaginationTrainer
from mbrl_mts3.agents.imagination.branched import BranchedRollouts, BranchedTrainer
from mbrl_mts3.agents.imagination.episodic import EpisodicTrainer
from mbrl_mts3.agents.imagination.policies import load_initial_parameters, make_algorithm
from mbrl_mts3.agents.imagination.replay import MixedReplayBuffer
from mbrl_mts3.agents.imagination.training_loop import train_in_imagination
from mbrl_mts3.agents.transitions import Transitions, oversample_episode_starts, real_transitions

__all__ = [
    "BranchedRollouts",
    "BranchedTrainer",
    "EpisodicTrainer",
    "ImaginationTrainer",
    "MixedReplayBuffer",
    "Transitions",
    "load_initial_parameters",
    "make_algorithm",
    "oversample_episode_starts",
    "real_transitions",
    "train_in_imagination",
]
