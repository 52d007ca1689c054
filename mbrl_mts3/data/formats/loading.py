"""Loads data sets of any format: with selected observations, streamed, or the entries that were not selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gymnasium import spaces

from mbrl_mts3.data.dataset import OfflineDataset, StreamedDataset
from mbrl_mts3.data.formats.d4rl_catalogue import D4RL_DATASETS, PREFIX
from mbrl_mts3.data.formats.d4rl_reader import is_d4rl_path, read_d4rl
from mbrl_mts3.data.formats.joined import load_joined, split_ids
from mbrl_mts3.data.formats.minari_reader import folder_of, load_minari, open_minari, read_minari
from mbrl_mts3.data.formats.mts3_pickle import is_mts3_pickle, read_mts3_pickle
from mbrl_mts3.data.nested import nest_leaves
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.errors import ConfigurationError


def load_dataset(
    dataset_id: str | Path | Sequence[str | Path],
    observation: str | Sequence[str] = "all",
    *,
    download: bool = False,
    memory_map: bool | None = None,
) -> OfflineDataset:
    """Read a data set of any kind, or several as one.

    Args:
        dataset_id: one of
            - a D4RL id, "d4rl/halfcheetah-medium-v2", or without "d4rl/", see `D4RL_DATASETS`;
            - the path of a file of D4RL's layout (.hdf5, .h5), followed by "@halfcheetah-medium-v2" where the file's
              name does not show which of D4RL's data sets it is like;
            - the path of a file of MTS3's authors (.pkl, .pickle), followed by "@test" for its test part;
            - the folder of a Minari data set, or its main_data.hdf5;
            - else a Minari id, such as "D4RL/pointmaze/umaze-v2", whose namespace is in capitals.
            Several, as a list or joined by " + ", are read as one, see `join_datasets`.
        observation: what the model sees, see `ObservationSelector.from_space`.
        download: fetch the data set if it is not on disk.
        memory_map: keep the episodes on disk, without their infos, and memory flat, see `load_minari`. Files of other
            formats than Minari's are first read into memory as a whole.

    Raises:
        StorageError: the disk is full.
        DataError: as `load_d4rl`, `load_mts3_pickle` and `load_minari`.
    """
    ids = split_ids(dataset_id)
    if len(ids) > 1:
        return load_joined(load_dataset, ids, observation=observation, download=download, memory_map=memory_map)
    (name,) = ids
    if is_of_d4rl(name) or is_mts3_pickle(name):
        return read_dataset(name, download=download).select(observation, memory_map=memory_map)
    return load_minari(name, observation, download=download, memory_map=memory_map)


def read_dataset(
    dataset_id: str | Path, *, download: bool = False, rewards: str = "auto", like: str | None = None
) -> RawDataset:
    """Read a data set of any kind before entries are selected, in the stored types.

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
    """Whether this is an id or a file of D4RL."""
    if is_d4rl_path(name):
        return folder_of(name) is None
    return name.startswith(PREFIX) or name in D4RL_DATASETS


def stream_dataset(id_or_path: str, *, download: bool = False) -> StreamedDataset:
    """Open a data set to be read one episode at a time, unchecked.

    Args:
        id_or_path: as in `load_dataset`, or the folder of a Minari data set. Rewards of D4RL are as they are stored.
        download: fetch the data set if it is not on disk.

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones.
        DataError: a damaged file, a failed download.
    """
    if is_of_d4rl(id_or_path):
        return _opened(read_dataset(id_or_path, download=download, rewards="as_stored"))
    if is_mts3_pickle(id_or_path):
        return _opened(read_dataset(id_or_path))
    opened = open_minari(id_or_path, download=download)
    # Converted mazes and kitchens of D4RL fit no environment; their layout's name selects the checks.
    return replace(opened, env_id=opened.env_id or opened.layout)


def _opened(whole: RawDataset) -> StreamedDataset:
    """Stream a data set of a format that can only be read as a whole."""
    spec = whole.env_spec
    return StreamedDataset(
        dataset_id=whole.dataset_id,
        observation_space=whole.observation_space,
        action_space=whole.action_space,
        read=lambda: (replace(episode, episode_id=number) for number, episode in enumerate(whole.episodes)),
        # D4RL's own mazes and kitchens have layouts and rewards that no environment of today has.
        env_id=whole.layout or whole.env_id,
        layout=whole.layout,
        env_spec=spec,
        max_episode_steps=None if spec is None else spec.max_episode_steps,
        metadata={"notes": " ".join(whole.notes)} if whole.notes else {},
        total_steps=sum(len(episode) for episode in whole.episodes),
        fingerprint=whole.content_hash,
    )


def load_unselected_observations(dataset: OfflineDataset) -> list[Any]:
    """Load the raw observations that were not selected, such as goals, from which tasks compute rewards.

    Args:
        dataset: read from Minari; it is read once more.

    Returns:
        For each episode an array (T + 1, d) where observations are arrays, else a (nested) dict of such arrays with all
        keys but the main one, "observation".

    Raises:
        UnknownDatasetError, DataError: the data set cannot be read again.
    """
    space = dataset.observation_space
    if not isinstance(space, spaces.Dict):
        return [episode.observations for episode in load_minari(dataset.dataset_id).episodes]
    keys = [str(key) for key in space.spaces if key != MAIN_KEY]
    if not keys:
        return [{} for _ in dataset.episodes]
    unselected = load_minari(dataset.dataset_id, keys)
    columns: dict[tuple[str, ...], list[int]] = {}
    for place, path in enumerate(unselected.selector.keys):
        columns.setdefault(path, []).append(place)
    return [
        nest_leaves({path: episode.observations[:, places] for path, places in columns.items()})
        for episode in unselected.episodes
    ]
