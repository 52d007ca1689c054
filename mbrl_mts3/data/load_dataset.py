"""One door for all kinds of data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mbrl_mts3.data.d4rl_reader import is_d4rl_path, read_d4rl
from mbrl_mts3.data.d4rl_table import D4RL_DATASETS, PREFIX
from mbrl_mts3.data.minari_reader import folder_of, load_minari, read_minari
from mbrl_mts3.data.mts3_pickle_reader import is_mts3_pickle, read_mts3_pickle
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.errors import ConfigurationError


def load_dataset(
    dataset_id: str | Path,
    observation: str | Sequence[str] = "all",
    *,
    download: bool = False,
    memory_map: bool | None = None,
) -> OfflineDataset:
    """Read a data set of any kind.

    Args:
        dataset_id: one of
            - a D4RL id, "d4rl/halfcheetah-medium-v2", or without "d4rl/", see `D4RL_DATASETS`;
            - the path of a file of D4RL's layout (.hdf5, .h5), "@halfcheetah-medium-v2" behind it where the file's name
              does not tell which of D4RL's data sets it is like;
            - the path of a file of MTS3's authors (.pkl, .pickle), "@test" behind it for its test part;
            - the folder of a Minari data set, or its main_data.hdf5;
            - else a Minari id, such as "D4RL/pointmaze/umaze-v2", whose namespace is in capitals.
        observation: what the model sees, see `ObservationSelector.from_space`.
        download: fetch the data set if it is not on disk.
        memory_map: keep the episodes on disk, without their infos, and memory flat, see `load_minari`. Files of other
            kinds than Minari's are read whole first, and then let go of.

    Raises:
        StorageError: the disk is full.
        DataError: as `load_d4rl`, `load_mts3_pickle` and `load_minari`.
    """
    name = str(dataset_id)
    if is_of_d4rl(name) or is_mts3_pickle(name):
        return read_dataset(name, download=download).select(observation, memory_map=memory_map)
    return load_minari(name, observation, download=download, memory_map=memory_map)


def read_dataset(
    dataset_id: str | Path, *, download: bool = False, rewards: str = "auto", like: str | None = None
) -> RawDataset:
    """The same before anything is selected, in the types that are stored.

    Args:
        dataset_id: see `load_dataset`.
        download: see `load_dataset`.
        rewards: of D4RL's data, see `load_d4rl`.
        like: of D4RL's files, see `load_d4rl`.

    Raises:
        ConfigurationError: options of D4RL for data of another kind.
        DataError: as `load_dataset`.
    """
    name = str(dataset_id)
    if is_of_d4rl(name):
        return read_d4rl(name, download=download, rewards=rewards, like=like)
    if rewards != "auto" or like is not None:
        raise ConfigurationError(
            f"rewards and like are for data of D4RL, and {name} is of another kind: leave them out"
        )
    return read_mts3_pickle(name) if is_mts3_pickle(name) else read_minari(name, download=download)


def is_of_d4rl(name: str) -> bool:
    """Whether this is an id or a file of D4RL's."""
    if is_d4rl_path(name):
        return folder_of(name) is None
    return name.startswith(PREFIX) or name in D4RL_DATASETS
