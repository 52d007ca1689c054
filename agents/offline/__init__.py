"""Policies learned from a data set alone, without a model and without an environment."""

from mbrl_mts3.agents.offline.normalised_features import NormalisedFeatures
from mbrl_mts3.agents.offline.offline_record import OfflineRecord
from mbrl_mts3.agents.offline.replay_of import replay_of
from mbrl_mts3.agents.offline.td3_bc import TD3BC
from mbrl_mts3.agents.offline.train_offline import train_offline

__all__ = ["TD3BC", "NormalisedFeatures", "OfflineRecord", "replay_of", "train_offline"]
