"""Errors of the file system in words that help."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mbrl_mts3.errors import MTS3Error, StorageError

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "the file is too large"}


@contextmanager
def storage_errors(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Turn errors of writing to `path` into StorageError.

    Args:
        path: named in the message, with the room that is left there.
        others: errors beside OSError that stand for the same.

    Raises:
        StorageError: for any OSError, or one of `others`, that is none of ours.
    """
    kinds: tuple[type[Exception], ...] = (OSError, *others)
    try:
        yield
    except MTS3Error:
        raise
    except kinds as error:
        raise StorageError(f"{path} could not be written: {_reason(error)}. {_advice(path)}") from error


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    # HDF5 tells the number in its text only.
    told = next((reason for code, reason in _FULL.items() if number == code or f"errno = {code}," in str(error)), None)
    return told or f"{type(error).__name__}: {error}"


def _advice(path: Path) -> str:
    existing = next((folder for folder in (path, *path.absolute().parents) if folder.is_dir()), Path("/"))
    free = shutil.disk_usage(existing).free / 2**20
    return f"{free:,.0f} MiB are free there: make room, or choose another place. Nothing half-written is left"
