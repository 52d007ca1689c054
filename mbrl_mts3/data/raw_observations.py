"""What a data set's observations hold beside the entries that a model sees."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.minari_reader import load_minari
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.offline_dataset import OfflineDataset


def raw_observations(dataset: OfflineDataset) -> list[Any]:
    """Raw observations of each episode, as tasks read goals from them.

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
    beside = load_minari(dataset.dataset_id, keys)
    return [_nested(episode.observations, beside.selector.keys) for episode in beside.episodes]


def _nested(columns: np.ndarray, keys: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Columns (T + 1, d) back in the dict that they come from, by the path of each."""
    nested: dict[str, Any] = {}
    for path in dict.fromkeys(keys):
        inner = nested
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = columns[:, [place for place, key in enumerate(keys) if key == path]]
    return nested
