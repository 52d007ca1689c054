"""Folders that grow out of sight until they are complete."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from mbrl_mts3.data.storage_errors import storage_errors

PREFIX = ".incomplete-"
_LOCK = ".lock"


@contextmanager
def incomplete_folder(parent: Path) -> Iterator[Path]:
    """A new hidden folder in `parent`, to be renamed once it is complete; else it is gone when the context is left.

    A lock beside it, which the system frees when a process dies, tells what is still being written from what a killed
    process left behind; the latter is removed here, with a warning.

    Args:
        parent: made where it is missing.

    Raises:
        StorageError: it cannot be written to.
    """
    with storage_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        remove_left_overs(parent)
        folder = parent / f"{PREFIX}{uuid4().hex}"
        lock = FileLock(f"{folder}{_LOCK}")
        lock.acquire()
    try:
        with storage_errors(parent):
            folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _free(lock)


def remove_left_overs(parent: Path) -> list[Path]:
    """Remove folders that a killed process left, with a warning; those that somebody writes to stay."""
    removed = []
    for folder in sorted(path for path in parent.glob(f"{PREFIX}*") if path.is_dir()):
        lock = FileLock(f"{folder}{_LOCK}")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        _free(lock)
        removed.append(folder)
        warnings.warn(f"removed {folder}: an interrupted run had left it incomplete", stacklevel=2)
    return removed


def _free(lock: FileLock) -> None:
    lock.release()
    Path(lock.lock_file).unlink(missing_ok=True)
