"""An array on disk whose pages are given back when they are no longer needed."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_mts3.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]


class MappedArray:
    """A .npy file as an array that is read from disk where it is looked at.

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
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} is missing or damaged ({error}): delete its folder to have it made anew"
            ) from error

    def release(self) -> None:
        """Give back the memory of everything that was read; views stay valid and are read from disk anew."""
        if hasattr(self._memory, "madvise"):
            self._memory.madvise(mmap.MADV_DONTNEED)
