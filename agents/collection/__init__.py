"""Collection of offline data from real environments."""

from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.collection.recording import CollectionSummary, collection_options
from mbrl_mts3.agents.collection.sac_collector import train_sac

__all__ = ["CollectionSummary", "collect_dataset", "collection_options", "train_sac"]
