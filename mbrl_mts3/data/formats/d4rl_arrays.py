"""Arrays of D4RL's HDF5 layout, read and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.formats.damage import check_memory
from mbrl_mts3.errors import DataError

LAST_INFOS = "metadata/last_infos/"
REQUIRED = ("observations", "actions", "rewards", "terminals")
_OPTIONAL = ("timeouts", "next_observations")
_FLAGS = ("terminals", "timeouts")


@dataclass(frozen=True, repr=False)
class D4RLArrays:
    """N rows o_t, a_t, r_t in the order of time, all episodes one after the other, in the stored types."""

    observations: Array
    """(N, obs)."""
    actions: Array
    """(N, act)."""
    rewards: Array
    """(N,)."""
    terminals: Array
    """(N,) bool."""
    timeouts: Array | None = None
    """(N,) bool: the episode was cut after this row; None where the file has none."""
    next_observations: Array | None = None
    """(N, obs); None where the file has none."""
    infos: Mapping[str, Array] = field(default_factory=dict)
    """Further arrays of N rows, by their path in the file without "infos/"."""
    last_infos: Mapping[str, Array] = field(default_factory=dict)
    """One row for each episode, of infos that have a row for each observation; only in files of `write_d4rl`."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What `write_d4rl` stored about a data set; empty for D4RL's own files."""

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.observations)

    @classmethod
    def from_file(cls, path: str | Path) -> D4RLArrays:
        """Read a whole file into memory, except the metadata of D4RL's files.

        Raises:
            DataError: no such file, or damaged, keys missing, of unequal lengths or of a wrong type or shape; the
                message names which.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no file {path}")
        try:
            with h5py.File(path, "r") as file:
                stored = _read(file)
                attributes = {key: _attribute(value) for key, value in file.attrs.items()}
        except (OSError, RuntimeError, KeyError) as error:
            raise DataError(
                f"{path} is no readable HDF5 file ({error}): it may be incomplete; delete it and download it again"
            ) from error
        return cls.from_mapping(stored, str(path), attributes)

    @classmethod
    def from_mapping(
        cls, stored: Mapping[str, Array], source: str = "the data", attributes: Mapping[str, Any] | None = None
    ) -> D4RLArrays:
        """Check arrays by their paths in a file, such as "observations" and "infos/goal"; `source` is for messages."""
        missing = [key for key in REQUIRED if key not in stored]
        if missing:
            raise DataError(
                f"{source} lacks {', '.join(missing)}: D4RL's layout needs {', '.join(REQUIRED)}; it has "
                f"{', '.join(sorted(stored)) or 'nothing'}"
            )
        main = {key: np.asarray(stored[key]) for key in (*REQUIRED, *_OPTIONAL) if key in stored}
        _check_types(main, source)
        rows = _check_shapes(main, source)
        for key in ("rewards", *_FLAGS):
            if key in main:
                main[key] = main[key].reshape(rows)
        for key in _FLAGS:
            if key in main:
                main[key] = _flags(main[key], key, source)
        infos = {
            key.removeprefix("infos/"): array
            for key, array in stored.items()
            if key not in main and not key.startswith("metadata/") and array.ndim > 0 and len(array) == rows
        }
        last_infos = {
            key.removeprefix(LAST_INFOS): array for key, array in stored.items() if key.startswith(LAST_INFOS)
        }
        return cls(**main, infos=infos, last_infos=last_infos, attributes=attributes or {})


def _read(file: h5py.File) -> dict[str, Array]:
    """All arrays of a file by their paths, without the metadata of D4RL's files: policies and the like, no rows."""
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    kept = [name for name in names if name.startswith(LAST_INFOS) or not name.startswith("metadata/")]
    _check_sizes(file, kept)
    return {name: np.asarray(file[name][()]) for name in kept}


# Bytes of a dataset that may be fill values alone, and by how much compression may shrink others.
_FILL, _RATIO = 2**24, 100_000


def _check_sizes(file: h5py.File, names: Sequence[str]) -> None:
    """Refuse what a file only claims to hold, and what memory cannot take, before anything is read."""
    for name in names:
        if file[name].nbytes > max(_FILL, _RATIO * file[name].id.get_storage_size()):
            raise DataError(
                f"{file.filename} claims {file[name].nbytes / 2**30:,.2f} GiB of {name}, which it does not hold: its "
                "rows were never written"
            )
    check_memory(sum(file[name].nbytes for name in names), file.filename)


def _attribute(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value


def _check_types(main: Mapping[str, Array], source: str) -> None:
    for key, array in main.items():
        if array.dtype.kind not in "biuf":
            raise DataError(f"{source}: {key} has the type {array.dtype}, expected real numbers")
        if array.dtype.kind == "b" and key not in _FLAGS:
            raise DataError(f"{source}: {key} holds booleans, expected real numbers")


def _check_shapes(main: Mapping[str, Array], source: str) -> int:
    """The number of rows that all arrays have."""
    for key in ("observations", "actions", "next_observations"):
        if key in main and (main[key].ndim != 2 or main[key].shape[1] == 0):
            raise DataError(f"{source}: {key} has the shape {main[key].shape}, expected (rows, entries)")
    rows = len(main["observations"])
    for key in ("rewards", *_FLAGS):
        if key in main and (main[key].ndim not in (1, 2) or main[key].shape[1:] not in ((), (1,))):
            raise DataError(f"{source}: {key} has the shape {main[key].shape}, expected ({rows},) or ({rows}, 1)")
    lengths = {key: len(array) for key, array in main.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{key} {length}" for key, length in lengths.items())
        raise DataError(f"{source}: all arrays need as many rows as there are observations, got {listed}")
    if rows == 0:
        raise DataError(f"{source} holds no row")
    if "next_observations" in main and main["next_observations"].shape != main["observations"].shape:
        shapes = main["next_observations"].shape, main["observations"].shape
        raise DataError(f"{source}: next_observations have the shape {shapes[0]}, the observations {shapes[1]}")
    return rows


def _flags(array: Array, key: str, source: str) -> Array:
    """Convert 0 and 1 of any type, as D4RL's kitchen stores them, to bool."""
    if not np.isin(array, (0, 1)).all():
        raise DataError(f"{source}: {key} must be 0 or 1, found {array[~np.isin(array, (0, 1))][0]}")
    return array.astype(np.bool_)
