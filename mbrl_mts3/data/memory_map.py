"""Memory-mapped data sets: episodes stay on disk while a model is trained on them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from mbrl_mts3.data.dataset import OfflineDataset, StreamedDataset, add_to_digest, new_digest
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.mapped_episodes import MappedEpisodes
from mbrl_mts3.data.observation_selector import ObservationSelector, select_episode
from mbrl_mts3.data.observations import check_raw_episode
from mbrl_mts3.errors import DataError
from mbrl_mts3.files import publish_folder, staging_folder, storage_errors, write_atomically

FORMAT_VERSION = 1
AUTOMATIC_ABOVE = 2 * 2**30
"""Bytes of selected data above which data sets stay on disk by default."""


def cache_folder() -> Path:
    """The default folder of mapped data sets: $XDG_CACHE_HOME/mbrl_mts3/mapped, else under ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "mbrl_mts3" / "mapped"


def selected_bytes(source: StreamedDataset, selector: ObservationSelector) -> int:
    """Bytes that the selected data would take in memory, from the size that the file gives."""
    actions = int(np.prod(source.action_space.shape or (1,)))
    row = np.dtype(np.float32).itemsize * (selector.dim + actions + 1) + 2 * np.dtype(np.bool_).itemsize
    return source.total_steps * row


def map_dataset(source: StreamedDataset, selector: ObservationSelector, folder: Path | None = None) -> OfflineDataset:
    """Map a data set: its episodes stay on disk, and memory does not grow with it.

    It is read once, episode by episode, and written to `folder` under a name made of its content hash and the
    selection. The next time it is found there, by the names, sizes and times of its files, and made anew where its
    own checksums are wrong.

    Args:
        source: as it is stored.
        selector: what the model sees.
        folder: see `cache_folder`; everything there can be deleted at any time.

    Raises:
        NonFiniteDataError: NaN or infinity in the selected data; episode and step are named.
        DataError: a damaged file, or no episode with a step.
        StorageError: the disk is full; nothing incomplete is left.
    """
    root = cache_folder() if folder is None else Path(folder)
    selection = _selection(selector)
    content_hash, episodes = _find(source, root, selection)
    if content_hash is None or episodes is None:
        content_hash = _write(source, selector, root, selection)
        episodes = MappedEpisodes.open(root / f"{content_hash}-{selection}")
    return OfflineDataset(
        episodes,
        source.dataset_id,
        content_hash,
        selector,
        source.observation_space,
        source.action_space,  # type: ignore[arg-type]
        source.env_id,
        env_options=source.all_env_options,
    )


def _selection(selector: ObservationSelector) -> str:
    digest = new_digest()
    chosen = {"version": FORMAT_VERSION, "keys": selector.keys, "indices": selector.indices}
    digest.update(json.dumps(chosen).encode())
    return digest.hexdigest()[:8]


def _note(source: StreamedDataset, root: Path, selection: str) -> Path:
    """The file that holds the content hash of files that were read before."""
    return root / "known" / f"{source.fingerprint}-{selection}.json"


def _find(source: StreamedDataset, root: Path, selection: str) -> tuple[str | None, MappedEpisodes | None]:
    """Hash and episodes of what was mapped before; None where it has to be made, with a warning where it is damaged."""
    note = _note(source, root, selection)
    if source.fingerprint is None or not note.is_file():
        return None, None
    try:
        noted = json.loads(note.read_text())
        content_hash = str(noted["content_hash"])
        folder = root / f"{content_hash}-{selection}"
        if not folder.is_dir():
            return None, None
        episodes = MappedEpisodes.open(folder)
        # Those of earlier versions have none.
        expected = noted.get("checksums")
        found = None if expected is None else MappedEpisodes.checksums(folder)
        if found != expected:
            raise DataError("the checksums of its files are wrong")
        return content_hash, episodes
    except (DataError, ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        warnings.warn(f"the mapped episodes of {source.dataset_id} are damaged and made anew: {error}", stacklevel=2)
        return None, None


def _write(source: StreamedDataset, selector: ObservationSelector, root: Path, selection: str) -> str:
    digest = new_digest()

    def episodes() -> Iterator[Episode]:
        for raw in source.read():
            add_to_digest(digest, raw)
            if len(raw.rewards) > 0:
                check_raw_episode(raw, source.observation_space, source.action_space, source.dataset_id)
                yield select_episode(raw, selector)

    with staging_folder(root) as growing, storage_errors(root):
        MappedEpisodes.write(episodes(), growing)
        content_hash = digest.hexdigest()
        final = root / f"{content_hash}-{selection}"
        publish_folder(growing, final)
        if source.fingerprint is not None:
            _write_note(_note(source, root, selection), content_hash, MappedEpisodes.checksums(final))
    return content_hash


def _write_note(note: Path, content_hash: str, checksums: Mapping[str, str]) -> None:
    write_atomically(note, json.dumps({"content_hash": content_hash, "checksums": checksums}).encode())
