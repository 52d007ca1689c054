"""Writes files and folders whole or not at all; errors of the file system become `StorageError`."""

from __future__ import annotations

import ctypes
import errno
import json
import math
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError, DataError, MTS3Error, StorageError

PREFIX = ".incomplete-"
_LOCK = ".lock"
_REPLACED = ".replaced-"
# Seconds without a change after which a half-written file belongs to a process that was killed.
_STALE = 3600.0


@contextmanager
def staging_folder(parent: Path) -> Iterator[Path]:
    """A new hidden folder in `parent`, to be renamed once it is complete; otherwise it is removed at the end.

    A lock file next to it, which the system frees when a process dies, distinguishes folders that are still being
    written from those of killed processes; the latter are removed here, with a warning.

    Args:
        parent: made where it is missing.

    Raises:
        StorageError: it cannot be written to.
    """
    with storage_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        remove_stale_staging(parent)
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


def remove_stale_staging(parent: Path) -> list[Path]:
    """Remove the folders of killed processes, with a warning; those that are being written stay."""
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


def publish_folder(folder: Path, target: Path) -> None:
    """Give a finished folder, a sibling of `target`, the name `target`; what was there has the name `folder` after it.

    Everything is on the disk before, and where the system can exchange two names (Linux), there is no moment at which
    `target` does not exist. Elsewhere `recover_folder` restores it after a kill at that moment.

    Raises:
        StorageError: it cannot be done; `target` stays as it was.
    """
    with storage_errors(target):
        for path in (*(path for path in folder.rglob("*") if not path.is_symlink()), folder):
            _flush(path)
        recover_folder(target)
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
        if not target.exists():
            folder.rename(target)
        elif not _exchange_names(folder, target):
            _replace_in_two_steps(folder, target)
        _flush(target.parent)


def recover_folder(target: Path) -> None:
    """Put a folder back under its name whose replacement was cut short between two renames, with a warning."""
    aside = _aside(target)
    if aside.is_dir() and not target.exists():
        with storage_errors(target):
            aside.rename(target)
        warnings.warn(f"{target} is restored: an interrupted run had moved it aside", stacklevel=2)


def _exchange_names(first: Path, second: Path) -> bool:
    """Exchange two names in one step; False where the system or the file system cannot."""
    current_folder, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fcntl.h and linux/fs.h.
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    if rename(current_folder, os.fsencode(first), current_folder, os.fsencode(second), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(second))


def _replace_in_two_steps(folder: Path, target: Path) -> None:
    aside = _aside(target)
    shutil.rmtree(aside, ignore_errors=True)
    target.rename(aside)
    try:
        folder.rename(target)
    except OSError:
        aside.rename(target)
        raise
    aside.rename(folder)


def _aside(target: Path) -> Path:
    return target.with_name(f"{_REPLACED}{target.name}")


@contextmanager
def claim_folder(folder: str | Path) -> Iterator[None]:
    """Let one process at a time write to a folder, which is made where it is missing; the system frees it at a crash.

    Raises:
        ConfigurationError: another process writes there.
        StorageError: it cannot be written to.
    """
    with storage_errors(Path(folder)):
        Path(folder).mkdir(parents=True, exist_ok=True)
        lock = FileLock(Path(folder) / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ConfigurationError(
                f"another run writes to {folder} at this moment: choose another folder, or wait for its end"
            ) from error
    try:
        yield
    finally:
        _free(lock)


@contextmanager
def atomic_file(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A name in the same folder to write to; left without an error, the file there replaces `path` in one step.

    Missing folders are made. The content is on the disk before it gets its name, so that no crash leaves half a file
    under it; what a killed process left under a hidden name is removed by a later one.

    Raises:
        DataError: `path` is taken and not to be overwritten.
        StorageError: the disk is full, or the place cannot be written to; an older file stays as it was.
    """
    with storage_errors(Path(path)), _atomic_file(path, overwrite=overwrite) as hidden:
        yield hidden


@contextmanager
def _atomic_file(path: str | Path, *, overwrite: bool) -> Iterator[Path]:
    target = Path(path)
    if target.exists() and not overwrite:
        raise DataError(f"{target} is there already: choose another name, or set overwrite=true")
    hidden = target.with_name(f"{PREFIX}{uuid4().hex}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale_files(target.parent)
        yield hidden
        _flush(hidden)
        hidden.replace(target)
        _flush(target.parent)
    finally:
        if target.parent.is_dir():
            hidden.unlink(missing_ok=True)


def _remove_stale_files(folder: Path) -> None:
    for path in folder.glob(f"{PREFIX}*"):
        # Those of others may go in the meantime.
        with suppress(FileNotFoundError):
            if path.is_file() and path.suffix != _LOCK and time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; on some systems folders cannot be opened."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota is used up", errno.EFBIG: "the file is too large"}


def reserve_room(path: Path, nbytes: int) -> None:
    """Give a file so many bytes behind its end, or fail before anything is written; a quota counts as the disk does.

    HDF5 crashes the interpreter where a write of it fails. It cuts off what it does not need when it closes the file.

    Raises:
        OSError: there is not so much room.
    """
    with path.open("ab") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            os.posix_fallocate(file.fileno(), size, nbytes)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                os.ftruncate(file.fileno(), size)
                raise
            # Neither this system nor this file system can do so: what is free has to do.
            if shutil.disk_usage(path.parent).free < nbytes + _MARGIN:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error


_MARGIN = 16 * 2**20
"""Bytes that are left free where room cannot be reserved, for others who write at the same time."""


@contextmanager
def storage_errors(path: Path, *others: type[Exception], needed: int | None = None) -> Iterator[None]:
    """Turn errors of writing to `path` into StorageError.

    Args:
        path: named in the message, with the room that is left there.
        others: further errors that mean the same as OSError.
        needed: bytes to be written, as far as known, for the message.

    Raises:
        StorageError: for any OSError, or one of `others`, that is no MTS3Error.
    """
    kinds: tuple[type[Exception], ...] = (OSError, *others)
    try:
        yield
    except MTS3Error:
        raise
    except kinds as error:
        raise StorageError(f"{storage_message(path, error, needed)}. Nothing half-written is left") from error


_REFUSALS = (
    *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE),
    *(errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS),
)


def is_refusal(error: BaseException) -> bool:
    """Whether an error is of the system, which refuses a file: no room, no rights, too many open files."""
    return isinstance(error, OSError) and error.errno in _REFUSALS


def storage_message(path: Path, error: BaseException, needed: int | None = None) -> str:
    """What is said of a write to `path` that failed: why, the bytes that are needed and free, and what to do."""
    return f"{path} could not be written: {_reason(error)}. {_advice(path, needed)}"


def _reason(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    # HDF5 gives the number in its text only.
    known = next((text for code, text in _FULL.items() if number == code or f"errno = {code}," in str(error)), None)
    return known or f"{type(error).__name__}: {error}"


def _advice(path: Path, needed: int | None) -> str:
    existing = next((folder for folder in (path, *path.absolute().parents) if folder.is_dir()), Path("/"))
    free = shutil.disk_usage(existing).free / 2**20
    need = "" if needed is None else f"{needed / 2**20:,.1f} MiB are needed, and "
    return f"{need}{free:,.1f} MiB are free there: make room, or choose another place"


def write_atomically(path: str | Path, content: bytes) -> Path:
    """Write a file whole or not at all; missing folders are made, an older file is replaced.

    Raises:
        StorageError: the disk is full, or the place cannot be written to; an older file stays as it was.
    """
    with storage_errors(Path(path), needed=len(content)), _atomic_file(path, overwrite=True) as hidden:
        hidden.write_bytes(content)
    return Path(path)


def write_json(path: str | Path, content: Any) -> Path:
    """Write strict JSON, for people to read: `to_jsonable`, then `write_atomically`.

    Raises:
        StorageError: the disk is full, or the place cannot be written to.
    """
    text = json.dumps(to_jsonable(content), indent=1, allow_nan=False) + "\n"
    return write_atomically(path, text.encode())


def to_jsonable(value: Any) -> Any:
    """Convert to types that JSON has: tensors become nested lists, NaN and infinity become None."""
    if isinstance(value, Tensor):
        return to_jsonable(value.tolist())
    if isinstance(value, dict):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def split_path_and_tag(name: str | Path, suffixes: Sequence[str]) -> tuple[Path, str] | None:
    """Split "PATH@TAG" into path and tag ("" where there is none); None where the path has none of the suffixes.

    Hydra accepts "@" on a command line without quotes; folders may have it in their names as well.
    """
    text = str(name)
    if Path(text).suffix in suffixes:
        return Path(text).expanduser(), ""
    path, _, tag = text.rpartition("@")
    return (Path(path).expanduser(), tag) if Path(path).suffix in suffixes and "/" not in tag else None
