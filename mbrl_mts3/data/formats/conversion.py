"""Conversion of a data set to Minari, D4RL's HDF5 layout or plain arrays (.npz)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.d4rl_reader import is_d4rl_path
from mbrl_mts3.data.formats.d4rl_writer import write_d4rl
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.data.observations import check_raw_episode, observation_leaves
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.spaces import space_to_json
from mbrl_mts3.errors import DataError
from mbrl_mts3.files import atomic_file


def convert_dataset(dataset: RawDataset, target: str, *, overwrite: bool = False) -> None:
    """Write a data set in another format; no number changes.

    Args:
        dataset: of any kind, see `read_dataset`.
        target: a path that ends in .hdf5 or .h5 (D4RL's layout) or in .npz (plain arrays), else a Minari id.
        overwrite: replace what is there.

    Raises:
        DataError: the target is taken, malformed, or cannot hold the data.
    """
    for number, episode in enumerate(dataset.episodes):
        whole = replace(episode, episode_id=number)
        check_raw_episode(whole, dataset.observation_space, dataset.action_space, dataset.dataset_id)
    if is_d4rl_path(target):
        write_d4rl(dataset, Path(target).expanduser(), overwrite=overwrite)
    elif Path(target).suffix == ".npz":
        write_npz(dataset, Path(target).expanduser(), overwrite=overwrite)
    else:
        write_minari(dataset, target, overwrite=overwrite)


def write_minari(dataset: RawDataset, minari_id: str, *, overwrite: bool = False) -> None:
    """Write a Minari data set, in the types of the observation space.

    Reference scores become Minari's, so that `minari.get_normalized_score` works, and the environment is noted where
    one of today has the same spaces. A maze of D4RL keeps its four numbers, and a kitchen its 60: neither becomes the
    dicts of gymnasium-robotics. Its mazes have other axes, the origin in the centre, walls that lie 0.2 elsewhere
    relative to the cells and a success radius of 0.45 in place of 0.5, and its kitchen observes velocities that
    D4RL's files do not hold, so the result would not be data of these environments.

    Raises:
        DataError: the id is malformed or taken, or a number does not fit into the space's type.
    """
    writer = MinariWriter(
        minari_id,
        dataset.observation_space,
        dataset.action_space,
        env_spec=dataset.env_spec,
        overwrite=overwrite,
        description=" ".join([f"Converted from {dataset.dataset_id}.", *dataset.notes]),
        reference_scores=dataset.reference_scores,
        layout=dataset.layout,
    )
    with writer:
        for episode in _in_space(dataset):
            writer.add(episode)


def _in_space(dataset: RawDataset) -> Iterator[RawEpisode]:
    for number, episode in enumerate(dataset.episodes):
        source = f"{dataset.dataset_id}, episode {number}"
        yield replace(
            episode,
            observations=_cast(dataset.observation_space, episode.observations, source),
            actions=_cast(dataset.action_space, episode.actions, source),
        )


def _cast(space: spaces.Space[Any], values: Any, source: str) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _cast(part, values[key], source) for key, part in space.spaces.items()}
    array = np.asarray(values)
    cast = array.astype(space.dtype)
    if not np.array_equal(cast, array, equal_nan=array.dtype.kind == "f"):
        raise DataError(f"{source}: numbers of the type {array.dtype} do not fit into {space.dtype}, the space's type")
    return cast


def write_npz(dataset: RawDataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write plain arrays of all episodes, one after the other, in the types that they are stored in.

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
    observed = [dict(observation_leaves(episode.observations, "observations/")) for episode in episodes]
    informed = [{f"infos/{name}": array for name, array in episode.infos.items()} for episode in episodes]
    for parts in (observed, informed):
        for name in parts[0]:
            if all(name in part and part[name].dtype != object for part in parts):
                arrays[name] = np.concatenate([part[name] for part in parts])
    with atomic_file(path, overwrite=overwrite) as hidden:
        np.savez_compressed(hidden, allow_pickle=False, **arrays)
    return path


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
