"""Episodes kept on disk in memory-mapped .npy files."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import DataError

ROWS = ("observations", "actions", "rewards", "terminations", "truncations")
INDEX = ("lengths", "episode_ids")
# Bytes that may be read before memory is given back, and bytes that the kernel maps around each row at least.
_KEPT, _AROUND = 64 * 2**20, 2**16


class MappedEpisodes(Sequence[Episode]):
    """A sequence of episodes whose arrays lie in one file each, one episode after the other.

    An episode of T steps has T + 1 rows in every file (the last one of actions, rewards and flags is zero), so that one
    row number is valid for all of them. Memory holds a few numbers per episode and what was read last. `infos` are not
    kept.

    Args:
        files: of all episodes, by name.
        lengths: (E,) transitions of each episode of this sequence.
        episode_ids: (E,).
        first_rows: (E,) row at which each begins.
    """

    def __init__(self, files: dict[str, MappedArray], lengths: Array, episode_ids: Array, first_rows: Array) -> None:
        self._files, self.lengths, self.episode_ids, self.first_rows = files, lengths, episode_ids, first_rows
        self._read = 0

    @classmethod
    def open(cls, folder: Path) -> MappedEpisodes:
        """Open a folder that `write` filled.

        Raises:
            DataError: a file is missing or damaged.
        """
        lengths, episode_ids = (MappedArray(folder / f"{name}.npy").values.copy() for name in INDEX)
        files = {name: MappedArray(folder / f"{name}.npy") for name in ROWS}
        if lengths.ndim != 1 or lengths.shape != episode_ids.shape or not (lengths > 0).all():
            raise DataError(f"the lengths in {folder} are damaged: delete the folder, and it is made again")
        first_rows = np.concatenate([[0], np.cumsum(lengths + 1)])
        wrong = [name for name, file in files.items() if len(file.values) != first_rows[-1]]
        if wrong:
            raise DataError(
                f"{', '.join(wrong)} in {folder} have wrong lengths: delete the folder, and it is made again"
            )
        return cls(files, lengths, episode_ids, first_rows[:-1])

    @staticmethod
    def write(episodes: Iterable[Episode], folder: Path) -> None:
        """Write episodes, which may be made one at a time, to an empty folder.

        Raises:
            DataError: no episodes.
        """
        files: dict[str, NpyAppender] = {}
        index: list[tuple[int, int]] = []
        try:
            for episode in episodes:
                for name in ROWS:
                    rows = getattr(episode, name)
                    if name not in files:
                        files[name] = NpyAppender(folder / f"{name}.npy", rows.dtype, rows.shape[1:])
                    files[name].append(rows)
                    missing = len(episode) + 1 - len(rows)
                    files[name].append(np.zeros((missing, *rows.shape[1:]), rows.dtype))
                index.append((len(episode), episode.episode_id))
            if not index:
                raise DataError("there is no episode with at least one step to write")
            for file in files.values():
                file.close()
        finally:
            for file in files.values():
                file.abandon()
        for name, column in zip(INDEX, np.array(index, np.int64).T, strict=True):
            np.save(folder / f"{name}.npy", column)

    @staticmethod
    def checksums(folder: Path) -> dict[str, str]:
        """The checksum of each file of a folder that `write` filled, by name; all of them are read.

        Raises:
            OSError: one is missing.
        """
        found = {}
        for name in (*ROWS, *INDEX):
            with (folder / f"{name}.npy").open("rb") as file:
                found[name] = hashlib.file_digest(file, "blake2b").hexdigest()
        return found

    def subset(self, places: Array) -> MappedEpisodes:
        """The episodes at `places`, on the same files."""
        return MappedEpisodes(self._files, self.lengths[places], self.episode_ids[places], self.first_rows[places])

    def rows(self, name: str, numbers: Array) -> Array:
        """A copy of the rows `numbers` (B, n) of one of the files; memory is given back from time to time."""
        values: Array = self._files[name].values[numbers]
        self._count(values.nbytes + _AROUND * len(numbers))
        return values

    def row_shape(self, name: str) -> tuple[int, ...]:
        """Shape of a row of one of the files."""
        shape: tuple[int, ...] = self._files[name].values.shape[1:]
        return shape

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, place: int) -> Episode: ...
    @overload
    def __getitem__(self, place: slice) -> MappedEpisodes: ...
    def __getitem__(self, place: int | slice) -> Episode | MappedEpisodes:
        if isinstance(place, slice):
            return self.subset(np.arange(len(self))[place])
        first, steps = int(self.first_rows[place]), int(self.lengths[place])
        parts: dict[str, Any] = {
            name: file.values[first : first + steps + (name == "observations")] for name, file in self._files.items()
        }
        self._count(sum(part.nbytes for part in parts.values()))
        return Episode(**parts, episode_id=int(self.episode_ids[place]))

    def __iter__(self) -> Iterator[Episode]:
        return (self[place] for place in range(len(self)))

    def _count(self, nbytes: int) -> None:
        self._read += nbytes
        if self._read > _KEPT:
            self._read = 0
            for file in self._files.values():
                file.release()


def episode_lengths(episodes: Sequence[Episode]) -> Array:
    """Number of transitions of each episode (E,), without reading those that stay on disk."""
    if isinstance(episodes, MappedEpisodes):
        return episodes.lengths
    return np.array([len(episode) for episode in episodes], np.int64)


class MappedArray:
    """A .npy file as an array that is read from disk where it is indexed.

    `numpy.memmap` does the same, but cannot give pages back: a process that has walked through a file once would
    seem to hold all of it.

    Args:
        path: of a .npy file; it must not change while it is open.

    Raises:
        DataError: no such file, or of another format, or cut short.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                np.lib.format.read_magic(file)
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
                start = file.tell()
                # Copy on write: PyTorch warns of arrays that it could not write to.
                self._memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            if fortran:
                raise ValueError("it is in Fortran's order")
            count = int(np.prod(shape))
            self.values: Array = np.frombuffer(self._memory, dtype, count, start).reshape(shape)
        except Exception as error:  # A damaged header can fail in any way.
            raise DataError(
                f"{path} is missing or damaged ({error}): delete its folder, and it is made again"
            ) from error

    def release(self) -> None:
        """Give back the memory of everything that was read; views stay valid and are read from disk again."""
        if hasattr(self._memory, "madvise"):
            self._memory.madvise(mmap.MADV_DONTNEED)


class NpyAppender:
    """Writes a .npy file by appending rows; rows that are written take no memory.

    NumPy pads the header of a .npy file so that the number of rows can be filled in at the end.

    Args:
        path: of a new file.
        dtype: of the rows.
        shape: of one row.
    """

    def __init__(self, path: Path, dtype: Any, shape: tuple[int, ...]) -> None:
        self._dtype, self._shape = np.dtype(dtype), shape
        self._rows = 0
        self._file = path.open("xb")
        self._write_header()
        self._start = self._file.tell()

    def append(self, rows: Array) -> None:
        """Write rows (N, *shape)."""
        assert rows.shape[1:] == self._shape, f"rows of {rows.shape[1:]} in a file of {self._shape}"
        self._file.write(np.ascontiguousarray(rows, self._dtype).tobytes())
        self._rows += len(rows)

    def close(self) -> None:
        """Fill in the number of rows."""
        self._file.seek(0)
        self._write_header()
        assert self._file.tell() == self._start, "the header has another length than before"
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._rows, *self._shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)
