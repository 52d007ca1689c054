"""Policies that learn inside a world model."""

from mbrl_mts3.agents.imagination.branched_learning import BranchedLearning
from mbrl_mts3.agents.imagination.branched_rollouts import BranchedRollouts
from mbrl_mts3.agents.imagination.emphasised_beginnings import emphasised_beginnings
from mbrl_mts3.agents.imagination.episode_learning import EpisodeLearning
from mbrl_mts3.agents.imagination.imagined_learning import ImaginedLearning
from mbrl_mts3.agents.imagination.make_policy import make_policy
from mbrl_mts3.agents.imagination.mixed_replay import MixedReplay
from mbrl_mts3.agents.imagination.real_transitions import real_transitions
from mbrl_mts3.agents.imagination.start_from import start_from
from mbrl_mts3.agents.imagination.train_in_imagination import train_in_imagination
from mbrl_mts3.agents.imagination.transitions import Transitions

__all__ = [
    "BranchedLearning",
    "BranchedRollouts",
    "EpisodeLearning",
    "ImaginedLearning",
    "MixedReplay",
    "Transitions",
    "emphasised_beginnings",
    "make_policy",
    "real_transitions",
    "start_from",
    "train_in_imagination",
]
