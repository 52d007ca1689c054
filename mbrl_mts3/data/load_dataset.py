"""One door for all kinds of data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mbrl_mts3.data.d4rl_reader import is_d4rl_path, load_d4rl
from mbrl_mts3.data.d4rl_table import D4RL_DATASETS, PREFIX
from mbrl_mts3.data.minari_reader import load_minari
from mbrl_mts3.data.mts3_pickle_reader import is_mts3_pickle, load_mts3_pickle
from mbrl_mts3.data.offline_dataset import OfflineDataset


def load_dataset(
    dataset_id: str | Path, observation: str | Sequence[str] = "all", *, download: bool = False
) -> OfflineDataset:
    """Read a data set of any kind into memory.

    Args:
        dataset_id: one of
            - a D4RL id, "d4rl/halfcheetah-medium-v2", or without "d4rl/", see `D4RL_DATASETS`;
            - the path of a file of D4RL's layout (.hdf5, .h5);
            - the path of a file of MTS3's authors (.pkl, .pickle), "#test" behind it for its test part;
            - else a Minari id, such as "D4RL/pointmaze/umaze-v2", whose namespace is in capitals.
        observation: what the model sees, see `ObservationSelector.from_space`.
        download: fetch the data set if it is not on disk.

    Raises:
        DataError: as `load_d4rl`, `load_mts3_pickle` and `load_minari`.
    """
    name = str(dataset_id)
    if is_d4rl_path(name) or name.startswith(PREFIX) or name in D4RL_DATASETS:
        return load_d4rl(name, observation, download=download)
    if is_mts3_pickle(name):
        return load_mts3_pickle(name, observation)
    return load_minari(name, observation, download=download)
