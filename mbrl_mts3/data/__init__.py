"""Offline data: episodes, readers and writers, normalisation, splits, windows and masks."""

from mbrl_mts3.data.convert import convert
from mbrl_mts3.data.d4rl_info import D4RLInfo
from mbrl_mts3.data.d4rl_reader import load_d4rl
from mbrl_mts3.data.d4rl_table import D4RL_DATASETS, d4rl_info
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.load_dataset import load_dataset, read_dataset
from mbrl_mts3.data.masking import MaskSampler, context_mask
from mbrl_mts3.data.minari_reader import load_minari, local_dataset_ids
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.data.random_window_loader import RandomWindowLoader
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.split import Splits, split_episodes
from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.data.window_sampler import WindowSampler

__all__ = [
    "D4RL_DATASETS",
    "D4RLInfo",
    "Episode",
    "MaskSampler",
    "Normalizer",
    "ObservationSelector",
    "OfflineDataset",
    "RandomWindowLoader",
    "RawDataset",
    "RawEpisode",
    "Splits",
    "WindowBatch",
    "WindowSampler",
    "context_mask",
    "convert",
    "d4rl_info",
    "load_d4rl",
    "load_dataset",
    "load_minari",
    "local_dataset_ids",
    "read_dataset",
    "split_episodes",
]
