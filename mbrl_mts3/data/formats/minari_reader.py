"""Reads Minari data sets, from disk or from the remote."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
from gymnasium import spaces
from minari.storage import get_dataset_path

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.dataset import OfflineDataset, StreamedDataset, add_to_digest, new_digest
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.damage import damage_errors
from mbrl_mts3.data.formats.joined import load_joined, split_ids
from mbrl_mts3.data.memory_map import AUTOMATIC_ABOVE, map_dataset, selected_bytes
from mbrl_mts3.data.observation_selector import ObservationSelector, rowwise_infos, select_episode
from mbrl_mts3.data.observations import check_raw_episode
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.errors import DataError, StorageError, UnknownDatasetError, nearest_names
from mbrl_mts3.files import is_refusal, recover_folder, storage_message
from mbrl_mts3.wording import counted

# Metadata of Minari files that are kept, for data cards and reference scores.
_KEPT_METADATA = (
    "algorithm_name",
    "author",
    "author_email",
    "code_permalink",
    "description",
    "minari_version",
    "requirements",
    "ref_min_score",
    "ref_max_score",
)


def load_minari(
    dataset_id: str | Sequence[str],
    observation: str | Sequence[str] = "all",
    *,
    download: bool = False,
    memory_map: bool | None = None,
    cache: str | Path | None = None,
) -> OfflineDataset:
    """Read a whole Minari data set, into memory or into memory-mapped files.

    Args:
        dataset_id: such as "D4RL/pointmaze/umaze-v2", or with a remote, "hf://farama-minari/D4RL/pointmaze/umaze-v2";
            or the folder of a data set. Several, as a list or joined by " + ", are read as one, see `join_datasets`.
        observation: what the model sees, see `ObservationSelector.from_space`.
        download: fetch the data set if it is not on disk (under $MINARI_DATASETS_PATH, else ~/.minari/datasets).
        memory_map: keep the episodes on disk, without their infos, and memory flat, see `map_dataset`; None does so
            where they would take more than 2 GiB.
        cache: folder for that; None takes $XDG_CACHE_HOME/mbrl_mts3/mapped.

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones on disk.
        UnknownObservationError: a selected name that the data set does not have.
        NonFiniteDataError: NaN or infinity in the selected data; episode and step are named.
        DataError: spaces that are not supported, a damaged file, a failed download.
    """
    ids = split_ids(dataset_id)
    if len(ids) > 1:
        return load_joined(
            load_minari, ids, observation=observation, download=download, memory_map=memory_map, cache=cache
        )
    source = open_minari(ids[0], download=download)
    with damage_errors(f"data set {source.dataset_id!r}"):
        return _load(source, observation, memory_map, cache)


def _load(
    source: StreamedDataset, observation: str | Sequence[str], memory_map: bool | None, cache: str | Path | None
) -> OfflineDataset:
    actions = _action_box(source)
    selector = ObservationSelector.from_space(source.observation_space, source.layout, observation)
    large = selected_bytes(source, selector) > AUTOMATIC_ABOVE
    if large if memory_map is None else memory_map:
        return map_dataset(source, selector, None if cache is None else Path(cache))
    digest = new_digest()
    episodes = []
    for raw in source.read():
        add_to_digest(digest, raw)
        if len(raw.rewards) > 0:
            check_raw_episode(raw, source.observation_space, actions, source.dataset_id)
            episodes.append(select_episode(raw, selector))
    return OfflineDataset(
        tuple(episodes),
        source.dataset_id,
        digest.hexdigest(),
        selector,
        source.observation_space,
        actions,
        source.env_id,
        _notes(source, selector, observation, sum(map(len, episodes))),
        source.all_env_options,
    )


def _notes(
    source: StreamedDataset, selector: ObservationSelector, observation: str | Sequence[str], steps: int
) -> tuple[str, ...]:
    notes = []
    left_out = selector.left_out(source.observation_space)
    if observation == "everything" and left_out:
        notes.append(f"Left out of everything: {', '.join(left_out)}, for only Box of one dimension can be read.")
    if steps != source.total_steps:
        notes.append(f"The metadata tell {counted(source.total_steps, 'step')}, the file holds {steps:,}.")
    return tuple(notes)


def read_minari(dataset_id: str, *, download: bool = False) -> RawDataset:
    """Read a Minari data set before entries are selected, in the stored types; otherwise as `load_minari`."""
    source = open_minari(dataset_id, download=download)
    with damage_errors(f"data set {source.dataset_id!r}"):
        return _read_whole(source)


def _read_whole(source: StreamedDataset) -> RawDataset:
    actions, digest, episodes = _action_box(source), new_digest(), []
    for raw in source.read():
        add_to_digest(digest, raw)
        if len(raw.rewards) > 0:
            check_raw_episode(raw, source.observation_space, actions, source.dataset_id)
            episodes.append(replace(raw, infos=rowwise_infos(raw)))
    return RawDataset(
        episodes=tuple(episodes),
        dataset_id=source.dataset_id,
        content_hash=digest.hexdigest(),
        observation_space=source.observation_space,
        action_space=actions,
        env_id=source.env_id,
        layout=source.layout,
        reference_scores=_reference_scores(source),
        env_spec=source.env_spec,
    )


def stored_reference_scores(dataset_id: str) -> tuple[float, float] | None:
    """Returns of a random policy and of an expert that a Minari data set on disk holds; None where it has none.

    Raises:
        UnknownDatasetError, DataError: as `load_minari` does.
    """
    return _reference_scores(open_minari(dataset_id))


def open_minari(dataset_id: str, *, download: bool = False) -> StreamedDataset:
    """Open a Minari data set to be read one episode at a time, as it is stored.

    Args:
        dataset_id: see `load_minari`.
        download: fetch the data set if it is not on disk.

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones on disk.
        DataError: a damaged file, a failed download.
    """
    source = _open(dataset_id, download)
    with damage_errors(f"data set {source.id!r}"):
        _check_episode_count(source)
        return _streamed(source)


def _streamed(source: minari.MinariDataset) -> StreamedDataset:
    spec, metadata = source.env_spec, dict(source.storage.metadata)
    return StreamedDataset(
        dataset_id=source.id,
        observation_space=source.observation_space,
        action_space=source.action_space,
        read=partial(_read, source),
        env_id=None if spec is None else _registered_id(spec.id),
        layout=metadata.get("observation_layout") if spec is None else _registered_id(spec.id),
        env_spec=spec,
        env_options={} if spec is None else dict(spec.kwargs),
        max_episode_steps=None if spec is None else spec.max_episode_steps,
        metadata={name: metadata[name] for name in _KEPT_METADATA if metadata.get(name) not in (None, "")},
        total_steps=int(source.total_steps),
        fingerprint=_fingerprint(Path(source.storage.data_path)),
    )


def _check_episode_count(source: minari.MinariDataset) -> None:
    """Raise DataError where the file holds other episodes than its metadata tell, as after a broken recording."""
    path = Path(source.storage.data_path) / "main_data.hdf5"
    if not path.is_file():
        return
    try:
        with h5py.File(path, "r") as file:
            stored = sum(name.startswith("episode_") for name in file)
    except OSError as error:
        raise DataError(f"data set {source.id!r} is damaged: {error}") from error
    if stored != source.storage.total_episodes:
        raise DataError(
            f"data set {source.id!r} is damaged: its metadata tell "
            f"{counted(source.storage.total_episodes, 'episode')}, the file "
            f"holds {stored}, as after an interrupted recording: record it again, or correct metadata.json"
        )


def local_dataset_ids() -> list[str]:
    """Ids of the Minari data sets on disk."""
    return list(local_metadata())


def local_metadata() -> dict[str, dict[str, Any]]:
    """What the Minari data sets on disk say of themselves, by id; `megabytes` is the size of their files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Minari warns of every folder that it cannot read.
        found = minari.list_local_datasets()
    return {dataset_id: {**found[dataset_id], "megabytes": _megabytes(dataset_id)} for dataset_id in found}


def _megabytes(dataset_id: str) -> float:
    files = (path for path in Path(get_dataset_path(dataset_id)).rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


def _open(dataset_id: str, download: bool) -> minari.MinariDataset:
    folder = folder_of(dataset_id)
    if folder is not None:
        try:
            return minari.MinariDataset(folder)
        except Exception as error:
            raise DataError(f"the data set in {folder} is damaged or of another format: {error}") from error
    # A remote address is for the download only; on disk the data set lies under its plain id.
    local_id = dataset_id.split("://", 1)[-1].split("/", 1)[-1] if "://" in dataset_id else dataset_id
    try:
        recover_folder(get_dataset_path(local_id))
        return minari.load_dataset(local_id)
    except FileNotFoundError as error:
        if not download:
            raise UnknownDatasetError(_unknown(local_id)) from error
    except Exception as error:
        raise DataError(f"data set {local_id!r} is damaged or of another format: {error}") from error
    _download(dataset_id, local_id)
    return minari.load_dataset(local_id)


def folder_of(path: str) -> Path | None:
    """The folder that holds the files of the data set at `path`; None where there is no data set."""
    given = Path(path)
    candidates = (given.parent,) if given.is_file() else (given, given / "data")
    return next((folder for folder in candidates if (folder / "metadata.json").is_file()), None)


def _download(dataset_id: str, local_id: str) -> None:
    try:
        minari.download_dataset(dataset_id)
    except (ValueError, TypeError) as error:  # what Minari raises for ids that the remote does not have
        raise UnknownDatasetError(f"{_unknown(local_id)} The remote says: {error}") from error
    except Exception as error:
        if is_refusal(error):
            place = Path(getattr(error, "filename", None) or get_dataset_path(local_id))
            raise StorageError(f"{storage_message(place, error)} ($MINARI_DATASETS_PATH)") from error
        raise DataError(
            f"data set {dataset_id!r} could not be downloaded ({type(error).__name__}: {error}): check the network, "
            "or copy the data set's folder under $MINARI_DATASETS_PATH"
        ) from error


def _registered_id(env_id: str) -> str:
    """An id without "module:", which would make Gymnasium import a module that a file names."""
    return env_id.rpartition(":")[2]


def _unknown(dataset_id: str) -> str:
    local = local_dataset_ids()
    nearest = nearest_names(dataset_id, local, cutoff=0.2) or local[:5]
    have = f"nearest on disk: {', '.join(nearest)}." if nearest else "no data set is on disk."
    return (
        f"unknown data set {dataset_id!r}; {have} Collect it with mts3-collect, download it (download=true; in "
        "trainings data.download=true), or set "
        "$MINARI_DATASETS_PATH."
    )


def _action_box(source: StreamedDataset) -> spaces.Box:
    space = source.action_space
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise DataError(f"{source.dataset_id}: actions need a Box of one dimension, this is {space}")
    return space


def _reference_scores(source: StreamedDataset) -> tuple[float, float] | None:
    low, high = source.metadata.get("ref_min_score"), source.metadata.get("ref_max_score")
    return None if low is None or high is None else (float(low), float(high))


def _fingerprint(folder: Path) -> str:
    digest = new_digest()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        facts = path.stat()
        digest.update(f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read(source: minari.MinariDataset) -> Iterator[RawEpisode]:
    stored = iter(source.iterate_episodes())
    while True:
        try:
            data = next(stored)
        except StopIteration:
            return
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            if isinstance(error, KeyError):
                told = f"{error} is in an episode or in its space, and not in the other"
            raise DataError(f"data set {source.id!r} is damaged: {told}") from error
        yield RawEpisode(
            observations=data.observations,
            actions=np.asarray(data.actions),
            rewards=np.asarray(data.rewards),
            terminations=np.asarray(data.terminations),
            truncations=np.asarray(data.truncations),
            infos=dict(_flat(data.infos or {}, "")),
            episode_id=int(data.id),
        )


def _flat(infos: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Array]]:
    for key, value in infos.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        elif isinstance(value, np.ndarray) and value.ndim > 0:
            yield f"{prefix}{key}", value
