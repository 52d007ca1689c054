"""A .npy file that grows row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class NpyAppender:
    """Writes rows one piece after the other; what has been written takes no memory.

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
