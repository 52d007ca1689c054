"""Policies learned from a data set alone, without a model and without an environment."""

from mbrl_mts3.agents.offline.base import NormalisedFeatures, OfflineLearner
from mbrl_mts3.agents.offline.iql import IQL
from mbrl_mts3.agents.offline.replay_buffer import build_replay_buffer
from mbrl_mts3.agents.offline.td3_bc import TD3BC
from mbrl_mts3.agents.offline.training_loop import OfflineRecord, train_offline

__all__ = [
    "IQL",
    "TD3BC",
    "NormalisedFeatures",
    "OfflineLearner",
    "OfflineRecord",
    "build_replay_buffer",
    "train_offline",
]
