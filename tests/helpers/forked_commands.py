"""Commands run as forks of this process, which has imported what they need, so that each costs its own work alone."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

MODULES = {"report": "report.pages", "list": "report.listing"}
"""Of commands that lie in a folder with another."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    """Of its exit; negative where a signal killed it."""
    out: str
    err: str
    seconds: float
    """From the call of the command to the end."""
    delay: float
    """From the first signal to the end, 0.0 where none was sent."""


def run_forked(
    name: str,
    words: Sequence[str],
    folder: Path,
    *,
    signals: Sequence[tuple[float, signal.Signals]] = (),
    before: Callable[[], None] | None = None,
    timeout: float = 120,
) -> Ended:
    """Run mts3-NAME in a process of its own, whose working folder is `folder`.

    Args:
        name: of its module in mbrl_mts3.scripts, or in `MODULES`.
        signals: each is sent so many seconds after the start, if the command still runs.
        before: is called in the new process first.
        timeout: seconds after which it is killed, and the test fails.
    """
    module = import_module(f"mbrl_mts3.scripts.{MODULES.get(name, name)}")
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{stream}.txt" for stream in ("out", "err")]
    is_ready, says_ready = os.pipe()
    child = os.fork()
    if child == 0:
        _become(name, words, module.main, folder, files, lambda: _begin(before, says_ready))
    os.close(says_ready)
    with os.fdopen(is_ready) as ready:
        ready.read()
    began, sent = time.monotonic(), None
    left = sorted(signals)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        now = time.monotonic()
        if done:
            out, err = (file.read_text(errors="replace") for file in files)
            return Ended(os.waitstatus_to_exitcode(status), out, err, now - began, now - sent if sent else 0.0)
        if left and now - began >= left[0][0]:
            os.kill(child, left.pop(0)[1])
            sent = sent or now
        if now - began > timeout:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"mts3-{name} {' '.join(words)} runs for more than {timeout} s: {files[1].read_text()}")
        time.sleep(0.002)


def run_forked_apart(name: str, words: Sequence[str], folder: Path, before: Callable[[], None]) -> Ended:
    """As `run_forked`, but forked from a new process: this one may have a renderer's threads, which do not survive."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(run_forked, name, words, folder, before=before).result()


def _begin(before: Callable[[], None] | None, says_ready: int) -> None:
    if before is not None:
        before()
    os.close(says_ready)


def _become(
    name: str,
    words: Sequence[str],
    main: Callable[[], None],
    folder: Path,
    files: Sequence[Path],
    before: Callable[[], None],
) -> None:
    """Turn this process into the program of a command."""
    status = 1
    try:
        for stream, file in zip((1, 2), files, strict=True):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
        # What catches the output of tests stays with the tests.
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
        os.chdir(folder)
        sys.argv = [f"mts3-{name.replace('_', '-')}", *words]
        before()
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
