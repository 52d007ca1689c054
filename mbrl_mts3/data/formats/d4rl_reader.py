"""Reads D4RL data sets, by id or from a file, without gym, d4rl or mujoco-py."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec

from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.data.formats.d4rl_arrays import D4RLArrays
from mbrl_mts3.data.formats.d4rl_catalogue import D4RLInfo, find_d4rl_info, info_of_file
from mbrl_mts3.data.formats.d4rl_download import d4rl_file
from mbrl_mts3.data.formats.d4rl_episodes import RewardTiming, cut_episodes, detect_reward_timing, episode_ends
from mbrl_mts3.data.formats.damage import damage_errors
from mbrl_mts3.data.formats.joined import load_joined, split_ids
from mbrl_mts3.data.observations import nested_observations
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.spaces import space_from_json
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.files import split_path_and_tag

REWARDS = ("auto", "shifted", "as_stored")
SUFFIXES = (".hdf5", ".h5")

_log = logging.getLogger(__name__)


def load_d4rl(
    dataset_id: str | Path | Sequence[str | Path],
    observation: str | Sequence[str] = "all",
    *,
    download: bool = False,
    rewards: str = "auto",
    like: str | None = None,
    memory_map: bool | None = None,
) -> OfflineDataset:
    """Read a whole D4RL data set.

    Episodes end at terminal rows and timeouts; without timeouts also at the environment's step limit. The last
    observation of an episode comes from next_observations; without them an episode's last row is no transition, since
    the row that follows belongs to another episode. Its reward and its terminal flag are lost with it.

    Files of mazes and kitchens store in row t the reward of o_t; the environments pay the reward of o_{t+1} for
    transition t, and so do these episodes: their rewards are moved by one row. Which of the two a file holds is
    detected from the data where possible (see `detect_reward_timing`); `OfflineDataset.notes` says what was found and
    done.

    Args:
        dataset_id: such as "d4rl/halfcheetah-medium-v2" or "halfcheetah-medium-v2", see `D4RL_DATASETS`, or the path
            of an HDF5 file. After a path may stand the name of the D4RL data set that the file is like:
            "some/file.hdf5@maze2d-umaze-v1" gives the names of entries, the goal and the step limit.
            Several, as a list or joined by " + ", are read as one, see `join_datasets`.
        observation: what the model sees, see `ObservationSelector.from_space`. Names are those of the environments of
            today; mazes have x, y, vx, vy; kitchens 30 positions, and the same with "goal_" before them.
        download: fetch the file if it is not in $D4RL_DATASET_DIR, else ~/.d4rl/datasets.
        rewards: "auto", "shifted" (r_t is the reward stored in row t + 1), or "as_stored" (in row t).
        like: the same name as an argument of its own; None infers it from the file's name.
        memory_map: whether the episodes are kept in memory-mapped files, see `RawDataset.select`.

    Raises:
        UnknownDatasetError: no such id, or its file is not on disk.
        UnknownObservationError: a selected name that the data does not have.
        NonFiniteDataError: NaN or infinity in the selected data; episode and step are named.
        DataError: a damaged file, keys missing, wrong types or lengths, a failed download.
        StorageError: the disk is full.
        ConfigurationError: an unknown value of `rewards`.
    """
    ids = split_ids(dataset_id)
    options: dict[str, Any] = {"download": download, "rewards": rewards, "like": like}
    if len(ids) > 1:
        return load_joined(load_d4rl, ids, observation=observation, memory_map=memory_map, **options)
    return read_d4rl(ids[0], **options).select(observation, memory_map=memory_map)


def read_d4rl(
    dataset_id: str | Path, *, download: bool = False, rewards: str = "auto", like: str | None = None
) -> RawDataset:
    """Read a D4RL data set before entries are selected; arguments and errors as in `load_d4rl`."""
    if rewards not in REWARDS:
        raise ConfigurationError(f"rewards={rewards!r} is unknown: choose {', '.join(REWARDS)}")
    marked = split_path_and_tag(dataset_id, SUFFIXES)
    if marked is not None:
        path, word = marked
        known = find_d4rl_info(like or word) if like or word else info_of_file(path.name)
        name = f"{path.resolve()}@{word}" if word else str(path.resolve())
        with damage_errors(path):
            return dataset_of_arrays(D4RLArrays.from_file(path), name, known, rewards=rewards)
    info = find_d4rl_info(str(dataset_id))
    file = d4rl_file(info, download=download)
    with damage_errors(file):
        return dataset_of_arrays(D4RLArrays.from_file(file), info.dataset_id, info, rewards=rewards)


def is_d4rl_path(name: str | Path) -> bool:
    """Whether this is the path of an HDF5 file, with or without "@" and a D4RL name after it."""
    return split_path_and_tag(name, SUFFIXES) is not None


def dataset_of_arrays(
    arrays: D4RLArrays, dataset_id: str, info: D4RLInfo | None = None, *, rewards: str = "auto"
) -> RawDataset:
    """Make a data set of episodes from rows of D4RL's layout.

    Args:
        arrays: the rows.
        dataset_id: what the data set is called.
        info: of the D4RL data set that this is, or is like; None where it is not known.
        rewards: see `load_d4rl`.
    """
    limit = None if info is None or info.ends_marked else info.max_episode_steps
    if info is not None and info.ends_marked and arrays.timeouts is None and not arrays.terminals.any():
        limit = info.max_episode_steps
    ends, end_notes = episode_ends(arrays, limit)
    timing = detect_reward_timing(arrays, ends, info)
    in_place = arrays.attributes.get("rewards") == "transition"
    shifted = not in_place and _shifted(timing, info) if rewards == "auto" else rewards == "shifted"
    episodes, lost = cut_episodes(arrays, ends, shifted=shifted)
    notes = [*end_notes, _reward_note(rewards, shifted, timing, info), _lost_note(arrays, lost, shifted)]
    space = _observation_space(arrays, info)
    action_space, action_note = _action_space(arrays, info)
    said = tuple(text for text in (*notes, action_note) if text)
    env_id = info.env_id if info else arrays.attributes.get("env_id")
    # Without "module:", which would make Gymnasium import a module that a file names.
    env_id = None if env_id is None else str(env_id).rpartition(":")[2]
    for text in said:
        _log.info("%s: %s", dataset_id, text)
    return RawDataset(
        episodes=tuple(
            replace(episode, observations=nested_observations(space, episode.observations)) for episode in episodes
        ),
        dataset_id=dataset_id,
        content_hash=_hash(arrays, shifted),
        observation_space=space,
        action_space=action_space,
        env_id=env_id,
        layout=(info.env_id or info.name) if info else arrays.attributes.get("layout"),
        env_spec=None if env_id is None else _spec(env_id),
        reference_scores=_scores(arrays, info),
        notes=said,
    )


def _shifted(timing: RewardTiming | None, info: D4RLInfo | None) -> bool:
    if timing is not None and timing.found != "unknown":
        return timing.found == "observation"
    return info is not None and info.rewards_of_observations


def _reward_note(rewards: str, shifted: bool, timing: RewardTiming | None, info: D4RLInfo | None) -> str | None:
    done = "moved by one row: transition t has the reward of o_{t+1}" if shifted else "as they are stored"
    if timing is None:
        expected = info is not None and info.rewards_of_observations
        return f"Rewards are {done}." if shifted or expected or rewards != "auto" else None
    found = {
        "observation": "belong to the observation of their row",
        "transition": "belong to the observation that follows",
        "unknown": "do not show which observation they belong to",
    }[timing.found]
    return f"Stored rewards {found} ({timing}); they are {done}."


def _lost_note(arrays: D4RLArrays, lost: int, shifted: bool) -> str | None:
    if not lost:
        return None
    why = "its reward is not stored" if shifted and arrays.next_observations is not None else "nothing follows it"
    return f"{lost:,} of {len(arrays):,} rows, the last one of each episode, are no transition, since {why}."


def _observation_space(arrays: D4RLArrays, info: D4RLInfo | None) -> spaces.Space[object]:
    """A Box without bounds, in the type of Gymnasium's environment where there is one."""
    if "observation_space" in arrays.attributes:
        return space_from_json(arrays.attributes["observation_space"])
    dtype = np.float64 if info is not None and info.env_id else _floating(arrays.observations)
    return spaces.Box(-np.inf, np.inf, arrays.observations.shape[1:], dtype)


def _action_space(arrays: D4RLArrays, info: D4RLInfo | None) -> tuple[spaces.Box, str | None]:
    """The action space and a note on it; all of D4RL's environments have actions from -1 to 1."""
    if "action_space" in arrays.attributes:
        space = space_from_json(arrays.attributes["action_space"])
        assert isinstance(space, spaces.Box)
        return space, None
    size, dtype = arrays.actions.shape[1:], _floating(arrays.actions)
    known = np.isfinite(arrays.actions)
    largest = float(np.max(np.abs(arrays.actions), where=known, initial=0.0))
    if info is not None and largest > 1 + 1e-5:
        raise DataError(
            f"actions go up to {largest:g}, those of {info.name} from -1 to 1: is the file of another kind?"
        )
    if info is not None or largest <= 1:
        return spaces.Box(-1.0, 1.0, size, dtype), None
    # Of an action that is never finite nothing is known; loading refuses it.
    low = np.min(arrays.actions, axis=0, where=known, initial=largest).astype(dtype)
    high = np.max(arrays.actions, axis=0, where=known, initial=-largest).astype(dtype)
    low, high = np.where(low > high, -1, low).astype(dtype), np.where(low > high, 1, high).astype(dtype)
    return spaces.Box(low, high, dtype=dtype), "The bounds of actions are not known: those of the data are used."


def _floating(array: np.ndarray) -> type[np.floating]:
    """The array's type, or one of floating point that holds it."""
    kind: type[np.floating] = np.promote_types(array.dtype, np.float32).type
    return kind


def _spec(env_id: str) -> EnvSpec | None:
    """The specification of the environment; None where it is not registered here."""
    try:
        return gymnasium.spec(env_id)
    except gymnasium.error.Error:
        return None


def _scores(arrays: D4RLArrays, info: D4RLInfo | None) -> tuple[float, float] | None:
    if info is not None:
        return info.reference_scores
    stored = arrays.attributes.get("reference_scores")
    return (float(stored[0]), float(stored[1])) if stored else None


def _hash(arrays: D4RLArrays, shifted: bool) -> str:
    """Hash of the arrays that the episodes are made of, and of whether rewards are shifted."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(b"shifted" if shifted else b"as stored")
    for name in ("observations", "actions", "rewards", "terminals", "timeouts", "next_observations"):
        array = getattr(arrays, name)
        if array is not None:
            digest.update(f"{name} {array.shape} {array.dtype.str}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
