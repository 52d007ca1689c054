"""Offline data: episodes, readers and writers, normalisation, splits, windows and masks."""

from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.episode import Episode, RawEpisode
from mbrl_mts3.data.formats.conversion import convert_dataset
from mbrl_mts3.data.formats.d4rl_catalogue import D4RL_DATASETS, D4RLInfo, find_d4rl_info
from mbrl_mts3.data.formats.d4rl_reader import load_d4rl
from mbrl_mts3.data.formats.joined import join_datasets
from mbrl_mts3.data.formats.loading import load_dataset, read_dataset
from mbrl_mts3.data.formats.minari_reader import load_minari, local_dataset_ids
from mbrl_mts3.data.formats.on_disk import DatasetOnDisk, list_datasets
from mbrl_mts3.data.masking import MaskSampler, context_mask
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.split import Splits, split_episodes
from mbrl_mts3.data.windows import RandomWindowLoader, WindowBatch, WindowSampler

__all__ = [
    "D4RL_DATASETS",
    "D4RLInfo",
    "DatasetOnDisk",
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
    "convert_dataset",
    "find_d4rl_info",
    "join_datasets",
    "list_datasets",
    "load_d4rl",
    "load_dataset",
    "load_minari",
    "local_dataset_ids",
    "read_dataset",
    "split_episodes",
]
