"""The one door to data sets as they are stored, for looking at them."""

from __future__ import annotations

from dataclasses import replace

from mbrl_mts3.data.load_dataset import is_of_d4rl, read_dataset
from mbrl_mts3.data.minari_reader import open_minari
from mbrl_mts3.data.mts3_pickle_reader import is_mts3_pickle
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.stored_dataset import StoredDataset


def open_dataset(id_or_path: str, *, download: bool = False) -> StoredDataset:
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
    # Converted mazes and kitchens of D4RL fit no environment; they keep the name that tells what to look for.
    return replace(opened, env_id=opened.env_id or opened.layout)


def _opened(whole: RawDataset) -> StoredDataset:
    """Of formats that can only be read as a whole."""
    spec = whole.env_spec
    return StoredDataset(
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
