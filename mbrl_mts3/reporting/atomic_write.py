"""Files that are there in full or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mbrl_mts3.data.storage_errors import storage_errors


def write_atomically(path: str | Path, content: bytes) -> Path:
    """Write beside `path`, then move over it; missing folders are made, an older file is replaced.

    Raises:
        StorageError: the disk is full, or the place cannot be written to; an older file stays as it was.
    """
    target = Path(path)
    with storage_errors(target):
        return _write(target, content)


def _write(target: Path, content: bytes) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        partial.chmod(0o644)
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return target
