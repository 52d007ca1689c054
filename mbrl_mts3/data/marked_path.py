"""Paths of files with a word behind them that says how to read them: some/file.hdf5@maze2d-umaze-v1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def split_marked_path(name: str | Path, suffixes: Sequence[str]) -> tuple[Path, str] | None:
    """Path and word ("" where there is none); None where the name has none of the suffixes.

    "@" is a sign that Hydra takes on a command line without quotes; folders may have it in their names as well.
    """
    text = str(name)
    if Path(text).suffix in suffixes:
        return Path(text).expanduser(), ""
    path, _, word = text.rpartition("@")
    return (Path(path).expanduser(), word) if Path(path).suffix in suffixes and "/" not in word else None
