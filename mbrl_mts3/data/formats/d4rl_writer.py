"""Writes D4RL's HDF5 layout."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.d4rl_arrays import LAST_INFOS
from mbrl_mts3.data.observations import flat_observations
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.spaces import space_to_json
from mbrl_mts3.errors import DataError
from mbrl_mts3.files import atomic_file


def write_d4rl(dataset: RawDataset, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write every transition as a row of observations, next_observations, actions, rewards, terminals and timeouts.

    Keys are those of D4RL's gym_mujoco_v2, so programs that read those files read this one. Observations of a Dict
    become columns in the order of the space. Spaces, names and source of the data are attributes of the file, from
    which `load_d4rl` restores the same episodes. Infos that are text or objects are left out. One thing is added: an
    episode that ends neither terminal nor truncated gets a timeout.

    Raises:
        DataError: the file is there already, an episode goes on after a termination or truncation (in rows another
            one would begin there), or observations do not fit into rows.
    """
    for number, episode in enumerate(dataset.episodes):
        if episode.terminations[:-1].any() or episode.truncations[:-1].any():
            raise DataError(
                f"{dataset.dataset_id}, episode {number}: it goes on after a termination or truncation, which D4RL's "
                "layout cannot distinguish from the beginning of another one; write npz or Minari instead"
            )
    rows = [_rows(dataset, episode) for episode in dataset.episodes if len(episode) > 0]
    if not rows:
        raise DataError(f"{dataset.dataset_id} holds no step, so nothing is written")
    names = [name for name in rows[0] if all(name in row for row in rows)]
    path = Path(path)
    with atomic_file(path, overwrite=overwrite) as hidden:
        # In memory first: on a full disk HDF5 takes the interpreter with it.
        content = BytesIO()
        with h5py.File(content, "w") as file:
            for name in names:
                array = np.concatenate([row[name] for row in rows])
                file.create_dataset(name, data=array, compression="gzip", compression_opts=1)
            file.attrs.update(_attributes(dataset))
        hidden.write_bytes(content.getbuffer())
    return path


def _rows(dataset: RawDataset, episode: RawEpisode) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    observations = flat_observations(dataset.observation_space, episode.observations)
    steps = len(episode)
    timeouts = np.array(episode.truncations, np.bool_)
    timeouts[-1] |= not episode.terminations[-1]
    rows = {
        "observations": observations[:-1],
        "actions": episode.actions,
        "rewards": episode.rewards,
        "terminals": np.asarray(episode.terminations, np.bool_),
        "timeouts": timeouts,
        "next_observations": observations[1:],
    }
    for name, array in episode.infos.items():
        if array.dtype.kind in "OU":
            continue
        rows[f"infos/{name}"] = array[:steps]
        if len(array) == steps + 1:
            rows[f"{LAST_INFOS}{name}"] = array[steps:]
    return rows


def _attributes(dataset: RawDataset) -> dict[str, str]:
    known = {
        "observation_space": json.dumps(space_to_json(dataset.observation_space)),
        "action_space": json.dumps(space_to_json(dataset.action_space)),
        "rewards": "transition",
        "source": dataset.dataset_id,
        "source_hash": dataset.content_hash,
    }
    if dataset.env_id is not None:
        known["env_id"] = dataset.env_id
    if dataset.layout is not None:
        known["layout"] = dataset.layout
    if dataset.reference_scores is not None:
        known["reference_scores"] = json.dumps(list(dataset.reference_scores))
    return known
