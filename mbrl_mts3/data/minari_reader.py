"""Reads Minari data sets, from disk or from the remote."""

from __future__ import annotations

import difflib
import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import minari
import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.data.raw_dataset import RawDataset
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.errors import DataError, UnknownDatasetError

Array = np.ndarray[Any, np.dtype[Any]]


def load_minari(dataset_id: str, observation: str | Sequence[str] = "all", *, download: bool = False) -> OfflineDataset:
    """Read a whole Minari data set into memory.

    Args:
        dataset_id: such as "D4RL/pointmaze/umaze-v2", or with a remote, "hf://farama-minari/D4RL/pointmaze/umaze-v2".
        observation: what the model sees, see `ObservationSelector.from_space`.
        download: fetch the data set if it is not on disk (under $MINARI_DATASETS_PATH, else ~/.minari/datasets).

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones on disk.
        UnknownObservationError: a selected name that the data set does not have.
        NonFiniteDataError: NaN or infinity in the selected data; episode and step are named.
        DataError: spaces that are not supported, a damaged file, a failed download.
    """
    source = _open(dataset_id, download)
    action_space, env_id, layout = _known(source)
    selector = ObservationSelector.from_space(source.observation_space, layout, observation)
    digest = hashlib.blake2b(digest_size=16)
    episodes = tuple(_episode(data, selector) for data in _read(source, digest))
    return OfflineDataset(
        episodes, source.id, digest.hexdigest(), selector, source.observation_space, action_space, env_id
    )


def read_minari(dataset_id: str, *, download: bool = False) -> RawDataset:
    """The same before anything is selected, in the types that are stored; arguments and errors as in `load_minari`."""
    source = _open(dataset_id, download)
    action_space, env_id, layout = _known(source)
    metadata = source.storage.metadata
    scores = metadata.get("ref_min_score"), metadata.get("ref_max_score")
    digest = hashlib.blake2b(digest_size=16)
    episodes = tuple(
        RawEpisode(
            observations=data.observations,
            actions=data.actions,
            rewards=data.rewards,
            terminations=data.terminations,
            truncations=data.truncations,
            infos=_infos(data),
        )
        for data in _read(source, digest)
    )
    return RawDataset(
        episodes=episodes,
        dataset_id=source.id,
        content_hash=digest.hexdigest(),
        observation_space=source.observation_space,
        action_space=action_space,
        env_id=env_id,
        layout=layout,
        reference_scores=None if None in scores else (float(scores[0]), float(scores[1])),
        env_spec=source.env_spec,
    )


def stored_reference_scores(dataset_id: str) -> tuple[float, float] | None:
    """Returns of a random policy and of an expert that a Minari data set on disk carries; None where it has none.

    Raises:
        UnknownDatasetError, DataError: as `load_minari` does.
    """
    metadata = _open(dataset_id, download=False).storage.metadata
    low, high = metadata.get("ref_min_score"), metadata.get("ref_max_score")
    return None if low is None or high is None else (float(low), float(high))


def local_dataset_ids() -> list[str]:
    """Ids of the data sets on disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Minari warns of every folder that it cannot read.
        return list(minari.list_local_datasets())


def _open(dataset_id: str, download: bool) -> minari.MinariDataset:
    # A remote address is for the download only; on disk the data set lies under its plain id.
    local_id = dataset_id.split("://", 1)[-1].split("/", 1)[-1] if "://" in dataset_id else dataset_id
    try:
        return minari.load_dataset(local_id)
    except FileNotFoundError as error:
        if not download:
            raise UnknownDatasetError(_unknown(local_id)) from error
    except Exception as error:
        raise DataError(f"data set {local_id!r} is damaged or of another format: {error}") from error
    _download(dataset_id, local_id)
    return minari.load_dataset(local_id)


def _download(dataset_id: str, local_id: str) -> None:
    try:
        minari.download_dataset(dataset_id)
    except (ValueError, TypeError) as error:  # what Minari raises for ids that the remote does not have
        raise UnknownDatasetError(f"{_unknown(local_id)} The remote says: {error}") from error
    except Exception as error:
        raise DataError(
            f"data set {dataset_id!r} could not be downloaded ({type(error).__name__}: {error}): check the network, "
            "or copy the data set's folder under $MINARI_DATASETS_PATH"
        ) from error


def _unknown(dataset_id: str) -> str:
    local = local_dataset_ids()
    nearest = difflib.get_close_matches(dataset_id, local, n=5, cutoff=0.2) or local[:5]
    have = f"nearest on disk: {', '.join(nearest)}." if nearest else "no data set is on disk."
    return (
        f"unknown data set {dataset_id!r}; {have} Collect it with mts3-collect, download it (download=true), or set "
        "$MINARI_DATASETS_PATH."
    )


def _known(source: minari.MinariDataset) -> tuple[spaces.Box, str | None, str | None]:
    """Actions, the environment's id, and what names the entries of an observation."""
    if not isinstance(source.action_space, spaces.Box) or len(source.action_space.shape) != 1:
        raise DataError(f"{source.id}: actions need a Box of one dimension, this is {source.action_space}")
    env_id = source.env_spec.id if source.env_spec is not None else None
    return source.action_space, env_id, env_id or source.storage.metadata.get("observation_layout")


def _read(source: minari.MinariDataset, digest: Any) -> Iterator[minari.EpisodeData]:
    """All episodes that have a step; the digest takes all in."""
    stored = iter(source.iterate_episodes())
    while True:
        try:
            data = next(stored)
        except StopIteration:
            return
        except Exception as error:
            raise DataError(f"data set {source.id!r} is damaged: {type(error).__name__}: {error}") from error
        for array in (*_leaves(data.observations), data.actions, data.rewards, data.terminations, data.truncations):
            digest.update(np.ascontiguousarray(array).tobytes())
        if len(data.rewards) > 0:
            yield data


def _episode(data: minari.EpisodeData, selector: ObservationSelector) -> Episode:
    steps = len(data.rewards)
    return Episode(
        observations=selector(data.observations),
        actions=np.asarray(data.actions, np.float32),
        rewards=np.asarray(data.rewards, np.float32).reshape(steps),
        terminations=np.asarray(data.terminations, np.bool_).reshape(steps),
        truncations=np.asarray(data.truncations, np.bool_).reshape(steps),
        infos=_infos(data),
        episode_id=int(data.id),
    )


def _infos(data: minari.EpisodeData) -> dict[str, Array]:
    """Those that have a row for each transition or each observation."""
    steps = len(data.rewards)
    return {name: array for name, array in _flat(data.infos or {}, "") if len(array) in (steps, steps + 1)}


def _leaves(observations: Any) -> Iterator[Array]:
    if isinstance(observations, Mapping):
        for key in sorted(observations):
            yield from _leaves(observations[key])
    elif isinstance(observations, tuple):
        for part in observations:
            yield from _leaves(part)
    else:
        yield np.asarray(observations)


def _flat(infos: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Array]]:
    for key, value in infos.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        elif isinstance(value, np.ndarray) and value.ndim > 0:
            yield f"{prefix}{key}", value
