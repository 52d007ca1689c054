"""A file system that refuses to be written to, from the n-th write on: full, read-only, a quota that is used up."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def refuse_writes(below: Path, number: int, after: int) -> None:
    """Let everything that makes or changes a file below a folder fail in this process; for the life of a fork.

    Args:
        below: only paths in it; not out.txt and err.txt, which a command prints to.
        number: of the error, such as errno.ENOSPC.
        after: writes that succeed first.
    """
    done = 0

    def check(path: Any) -> None:
        nonlocal done
        whole = Path(os.fsdecode(path)).absolute()
        if below in whole.parents and whole.name not in ("out.txt", "err.txt"):
            done += 1
            if done > after:
                raise OSError(number, os.strerror(number), str(whole))

    def refused(function: Callable[..., Any], place: int) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            check(arguments[place])
            return function(*arguments, **options)

        return call

    real_open, open_file = os.open, io.open

    def low_open(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            check(path)
        return real_open(path, flags, *arguments, **options)

    def high_open(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not isinstance(path, int) and set(mode) & set("wax+"):
            check(path)
        return open_file(path, mode, *arguments, **options)

    os.open = low_open  # type: ignore[assignment]
    builtins.open = io.open = high_open  # type: ignore[assignment, misc]
    make = os.mkdir
    os.mkdir = lambda path, *rest, **options: (Path(path).is_dir() or check(path), make(path, *rest, **options))[1]
    os.replace, os.rename = refused(os.replace, 1), refused(os.rename, 1)
    reserve = os.posix_fallocate
    os.posix_fallocate = lambda file, *rest: (check(f"/proc/self/fd/{file}"), reserve(file, *rest))[1]
