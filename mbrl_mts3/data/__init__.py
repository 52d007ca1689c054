"""Offline data: episodes, readers and writers, normalisation, splits, windows and masks."""

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.masking import MaskSampler, context_mask
from mbrl_mts3.data.minari_reader import load_minari, local_dataset_ids
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.data.random_window_loader import RandomWindowLoader
from mbrl_mts3.data.split import Splits, split_episodes
from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.data.window_sampler import WindowSampler

__all__ = [
    "Episode",
    "MaskSampler",
    "Normalizer",
    "ObservationSelector",
    "OfflineDataset",
    "RandomWindowLoader",
    "Splits",
    "WindowBatch",
    "WindowSampler",
    "context_mask",
    "load_minari",
    "local_dataset_ids",
    "split_episodes",
]
