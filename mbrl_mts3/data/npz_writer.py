"""Writes data sets as plain NumPy arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_mts3.data.beside import beside
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.space_json import space_to_json
from mbrl_mts3.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]


def write_npz(dataset: RawDataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write all episodes one behind the other, in the types that they are stored in.

    observations ("observations/KEY" for each key of a Dict) have one row more than transitions for each episode;
    actions, rewards, terminations and truncations have `lengths` rows each; infos as many as they had. `metadata` is a
    text in JSON: id, hash, environment, spaces, reference scores, notes. `numpy.load` reads the file without pickle.

    Raises:
        DataError: the file is there already, or there is no step.
    """
    path = Path(path)
    episodes = [episode for episode in dataset.episodes if len(episode) > 0]
    if not episodes:
        raise DataError(f"{dataset.dataset_id} holds no step, so nothing is written")
    arrays: dict[str, Array] = {
        "lengths": np.array([len(episode) for episode in episodes]),
        "metadata": np.array(json.dumps(_metadata(dataset))),
    }
    for name in ("actions", "rewards", "terminations", "truncations"):
        arrays[name] = np.concatenate([getattr(episode, name) for episode in episodes])
    observed = [dict(_leaves("observations", episode.observations)) for episode in episodes]
    informed = [{f"infos/{name}": array for name, array in episode.infos.items()} for episode in episodes]
    for parts in (observed, informed):
        for name in parts[0]:
            if all(name in part and part[name].dtype != object for part in parts):
                arrays[name] = np.concatenate([part[name] for part in parts])
    with beside(path, overwrite=overwrite) as hidden:
        np.savez_compressed(hidden, allow_pickle=False, **arrays)
    return path


def _leaves(name: str, observations: Any) -> Iterator[tuple[str, Array]]:
    if isinstance(observations, Mapping):
        for key, part in observations.items():
            yield from _leaves(f"{name}/{key}", part)
    else:
        yield name, np.asarray(observations)


def _metadata(dataset: RawDataset) -> dict[str, Any]:
    return {
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "env_id": dataset.env_id,
        "layout": dataset.layout,
        "reference_scores": dataset.reference_scores,
        "observation_space": space_to_json(dataset.observation_space),
        "action_space": space_to_json(dataset.action_space),
        "notes": list(dataset.notes),
    }
