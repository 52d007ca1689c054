"""Reads the data files that the authors of MTS3 published with the paper."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.marked_path import split_marked_path
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.restricted_unpickler import RestrictedUnpickler
from mbrl_mts3.errors import ConfigurationError, DataError

Array = np.ndarray[Any, np.dtype[Any]]

PARTS = ("train", "test")
SUFFIXES = (".pkl", ".pickle")
# The authors divide by std + 1e-10 (utils/dataProcess.py of github.com/ALRhub/MTS3).
_EPSILON = 1e-10
_NOTE = (
    "There are no rewards in the paper's files: zeros stand in, so heads and plans that need rewards mean nothing.",
    "Episodes are windows drawn at random from longer ones and overlap: only the file's own test part is apart from "
    "training data.",
)


def load_mts3_pickle(path: str | Path, observation: str | Sequence[str] = "all") -> OfflineDataset:
    """Read one part of a file with {train,test}_{obs,act,targets} and normalizer, and undo its normalisation.

    The file is read without running any of its code, see `RestrictedUnpickler`. Each window becomes an episode: T
    observations and, from the targets, the one that follows. Targets may be next observations or differences to them;
    which, is found out from the data. The files hold no rewards: zeros stand in, and `notes` says so.

    Args:
        path: of the file; "@test" behind it takes the test windows, "@train" or nothing those for training.
        observation: what the model sees; entries are "observation/0", "observation/1", ...

    Raises:
        DataError: no such file, code in it, keys missing, or shapes and values that do not fit.
        ConfigurationError: another part than train or test.
        UnknownObservationError: a selected name that the data does not have.
        NonFiniteDataError: NaN or infinity in the selected data.
    """
    return read_mts3_pickle(path).select(observation)


def read_mts3_pickle(path: str | Path) -> RawDataset:
    """The same before anything is selected; arguments and errors as in `load_mts3_pickle`."""
    file, part = _split(path)
    content = RestrictedUnpickler.read(file)
    normalized = _arrays(content, part, file)
    observations, actions, following = _physical(normalized, content["normalizer"], file)
    digest = hashlib.blake2b(digest_size=16)
    for array in (observations, actions, following):
        digest.update(np.ascontiguousarray(array).tobytes())
    steps = actions.shape[1]
    end = np.arange(steps) == steps - 1
    episodes = tuple(
        RawEpisode(np.concatenate([seen, after[-1:]]), action, np.zeros(steps), np.zeros(steps, np.bool_), end)
        for seen, action, after in zip(observations, actions, following, strict=True)
    )
    largest = np.abs(actions).max(axis=(0, 1)).astype(np.float32)
    bound = np.nextafter(np.maximum(largest, 1.0), np.float32(np.inf))
    return RawDataset(
        episodes=episodes,
        dataset_id=f"{file.resolve()}@{part}",
        content_hash=digest.hexdigest(),
        observation_space=spaces.Box(-np.inf, np.inf, observations.shape[2:], np.float64),
        action_space=spaces.Box(-bound, bound, dtype=np.float32),
        notes=_NOTE,
    )


def is_mts3_pickle(name: str | Path) -> bool:
    """Whether this names a pickle, with or without the part behind it."""
    return split_marked_path(name, SUFFIXES) is not None


def _split(path: str | Path) -> tuple[Path, str]:
    file, part = split_marked_path(path, SUFFIXES) or (Path(path), "")
    if part and part not in PARTS:
        raise ConfigurationError(f"{path} names the part {part!r}: choose {file}@train or {file}@test")
    return file, part or "train"


def _arrays(content: Any, part: str, file: Path) -> dict[str, Array]:
    """The three arrays of a part, (windows, steps, entries)."""
    needed = [f"{part}_{name}" for name in ("obs", "act", "targets")]
    keys = list(content) if isinstance(content, Mapping) else []
    missing = [name for name in (*needed, "normalizer") if name not in keys]
    if missing:
        has = ", ".join(map(str, keys)) or f"a {type(content).__name__}"
        raise DataError(f"{file} lacks {', '.join(missing)}; it has {has}")
    found = {}
    for name in needed:
        array = content[name]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf" or array.ndim not in (3, 4):
            got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise DataError(f"{file}: {name} is {got}, expected numbers of the shape (windows, steps, entries)")
        if 0 in array.shape:
            raise DataError(f"{file}: {name} is empty, its shape is {array.shape}")
        # Four dimensions are windows of windows, one behind the other.
        found[name.removeprefix(f"{part}_")] = array.reshape(len(array), -1, array.shape[-1]).astype(np.float64)
    shapes = {name: array.shape for name, array in found.items()}
    if len({shape[:2] for shape in shapes.values()}) > 1 or shapes["obs"] != shapes["targets"]:
        raise DataError(f"{file}: the shapes of {part} do not fit each other: {shapes}")
    return found


def _physical(normalized: Mapping[str, Array], normalizer: Any, file: Path) -> tuple[Array, Array, Array]:
    """Observations, actions and following observations in physical units."""
    observations = _undo(normalized["obs"], normalizer, "observations", file)
    actions = _undo(normalized["act"], normalizer, "actions", file)
    tried = [_undo(normalized["targets"], normalizer, "observations", file)]
    if isinstance(normalizer, Mapping) and "diff" in normalizer:
        tried.append(observations + _undo(normalized["targets"], normalizer, "diff", file))
    scale = observations.std(axis=(0, 1)) + _EPSILON
    if observations.shape[1] == 1:
        return observations, actions, tried[0]
    errors = [float((np.abs(after[:, :-1] - observations[:, 1:]) / scale).max()) for after in tried]
    best = int(np.nanargmin(errors)) if not np.isnan(errors).all() else 0
    if not errors[best] < 1e-3:
        raise DataError(
            f"{file}: targets are neither the observations that follow nor differences to them (off by "
            f"{errors[best]:.3g} standard deviations): the file is of another kind"
        )
    return observations, actions, tried[best]


def _undo(array: Array, normalizer: Any, name: str, file: Path) -> Array:
    """x * (std + 1e-10) + mean, of the entries that the array has."""
    try:
        mean, std = (np.asarray(part, np.float64).reshape(-1) for part in normalizer[name])
        physical: Array = array * (std[: array.shape[-1]] + _EPSILON) + mean[: array.shape[-1]]
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(
            f"{file}: the normalizer holds no mean and standard deviation of {name} with {array.shape[-1]} entries "
            f"({type(error).__name__}: {error})"
        ) from error
    return physical
