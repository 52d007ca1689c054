"""Writes Minari data sets, whole or not at all."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import minari
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_dataset import parse_dataset_id
from minari.dataset.minari_storage import MinariStorage
from minari.namespace import create_namespace, list_local_namespaces
from minari.storage import get_dataset_path

from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.observations import observation_leaves
from mbrl_mts3.errors import DataError
from mbrl_mts3.files import publish_folder, reserve_room, staging_folder, storage_errors

# Bytes that HDF5 writes around an episode at most.
_AROUND = 2**20


@dataclass
class MinariWriter:
    """Writes a Minari data set as a context manager; it gets its name when the context is left without an error.

    Until then it is in a hidden folder, which Minari does not list and which is removed after an error or an
    interrupt; what a killed process left is removed by the next writer. Each episode is written to disk at once.

    Args:
        dataset_id: "namespace/name-v0"; the namespace may be left out or nested.
        observation_space: raw.
        action_space: of the environment.
        env_spec: lets `recover_environment` make the environment again; None where there is none.
        eval_env_spec: of the environment to evaluate policies in, where it is another one.
        overwrite: replace a data set of that id.
        algorithm_name: name of the policy that acted.
        description: text for readers.
        reference_scores: returns of a random policy and of an expert, for `minari.get_normalized_score`.
        layout: key of `known_names` for the entries of an observation, where there is no environment.

    Raises:
        DataError: an id that is malformed, or taken and not to be overwritten; no episode was added.
    """

    dataset_id: str
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    env_spec: EnvSpec | None = None
    eval_env_spec: EnvSpec | None = None
    overwrite: bool = False
    algorithm_name: str = ""
    description: str = ""
    reference_scores: tuple[float, float] | None = None
    layout: str | None = None

    def __post_init__(self) -> None:
        self._namespace = check_new_dataset_id(self.dataset_id, overwrite=self.overwrite)
        self._target: Path = get_dataset_path(self.dataset_id)
        self._stack = ExitStack()
        self._storage: MinariStorage | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = stack.enter_context(staging_folder(get_dataset_path()))
            with storage_errors(self._target, needed=_AROUND):
                data = self._folder / "data"
                data.mkdir()
                reserve_room(data / "room", _AROUND)
                (data / "room").unlink()
                self._storage = self._new_storage()
            self._stack = stack.pop_all()
        return self

    def add(self, episode: RawEpisode) -> None:
        """Append one episode.

        Raises:
            StorageError: the disk is full.
        """
        assert self._storage is not None, "enter the context first"
        buffer = EpisodeBuffer(
            observations=episode.observations,
            actions=episode.actions,
            rewards=episode.rewards,
            terminations=episode.terminations,
            truncations=episode.truncations,
            infos=episode.infos,
            seed=episode.seed,
        )
        needed = _room_for(episode)
        # RuntimeError is what h5py raises of a file that it cannot close.
        with storage_errors(self._target, RuntimeError, needed=needed):
            reserve_room(self._file, needed)
            self._storage.update_episodes([buffer])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                with storage_errors(self._target):
                    self._publish()

    def _new_storage(self) -> MinariStorage:
        storage = MinariStorage.new(
            self._folder / "data",
            observation_space=self.observation_space,
            action_space=self.action_space,
            env_spec=self.env_spec,
        )
        metadata: dict[str, Any] = {
            "dataset_id": self.dataset_id,
            "minari_version": minari.__version__,
            "algorithm_name": self.algorithm_name,
            "author": {"mbrl_mts3"},
            "description": self.description,
        }
        if self.eval_env_spec is not None:
            metadata["eval_env_spec"] = self.eval_env_spec.to_json()
        if self.reference_scores is not None:
            metadata["ref_min_score"], metadata["ref_max_score"] = self.reference_scores
        if self.layout is not None:
            metadata["observation_layout"] = self.layout
        storage.update_metadata(metadata)
        # As Minari makes it with the first episode, for which room is to be reserved in the file.
        h5py.File(self._file, "w", track_order=True).close()
        return storage

    @property
    def _file(self) -> Path:
        return self._folder / "data" / "main_data.hdf5"

    def _publish(self) -> None:
        """Give the finished folder its name, in one step of the file system."""
        if self._storage is None or self._storage.total_episodes == 0:
            raise DataError(f"data set {self.dataset_id!r} would hold no episode, so it is not written")
        check_new_dataset_id(self.dataset_id, overwrite=self.overwrite)
        if self._namespace is not None and self._namespace not in list_local_namespaces():
            create_namespace(self._namespace)
        publish_folder(self._folder, self._target)


def _room_for(episode: RawEpisode) -> int:
    """Bytes that an episode takes in the file at most, twice what it holds and what stands around it."""
    leaves = [leaf for _, leaf in observation_leaves(episode.observations)]
    arrays = [*leaves, *episode.infos.values(), episode.actions, episode.rewards]
    texts = sum(len(str(entry)) for array in arrays if array.dtype.kind == "O" for entry in array.flat)
    return 2 * (sum(array.nbytes for array in arrays) + 4 * texts) + _AROUND


def check_new_dataset_id(dataset_id: str, *, overwrite: bool = False) -> str | None:
    """The namespace of an id that a data set can be written under; None where it has none.

    Raises:
        DataError: the id is malformed, or taken and not to be overwritten.
    """
    try:
        namespace: str | None = parse_dataset_id(dataset_id)[0]
    except (ValueError, TypeError) as error:  # TypeError: Minari's answer to a missing version
        raise DataError(f"data set id {dataset_id!r} is malformed: write it as namespace/name-v0") from error
    root = os.environ.get("MINARI_DATASETS_PATH", "~/.minari/datasets")
    with storage_errors(Path(root).expanduser()):
        folder: Path = get_dataset_path(dataset_id)
    if folder.exists() and not overwrite:
        raise DataError(
            f"data set {dataset_id!r} is there already ({folder}): choose another name or version, or set "
            "overwrite=true"
        )
    return namespace
