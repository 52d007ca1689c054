"""What a command does when it is told to stop: by Ctrl-C, by SLURM or by a container's end."""

from __future__ import annotations

import functools
import os
import shlex
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from omegaconf import DictConfig

from mbrl_mts3.scripts.command_line.arguments import override_key
from mbrl_mts3.scripts.command_line.console import run_folder
from mbrl_mts3.scripts.command_line.errors import tell_fault, users_fault
from mbrl_mts3.scripts.command_line.help import program
from mbrl_mts3.scripts.command_line.run_folders import write_identity
from mbrl_mts3.scripts.programs.entry_points import end_imports

# Of a training, of one in imagination, of one from data alone.
_STATES = (("resume.ckpt",), ("resume.pt",), ("offline.json", "policy.zip"))
# Commands that pass over what is finished when they are called again.
_CONTINUED = ("benchmark", "experiment")


def can_go_on(folder: Path) -> bool:
    """Whether a folder holds a run that can be resumed."""
    return any(all((folder / name).is_file() for name in names) for names in _STATES)


class _Stop(KeyboardInterrupt):
    """What a signal raises wherever the program is at that moment."""


class _Told(SystemExit):
    """The end of a command that has told that it was stopped."""


# Signals that came since `stop_signals` was entered; a process has one set of handlers.
_received: list[int] = []
_AGAIN = 0.02
"""Seconds after which a stop that got lost is tried again."""


@contextmanager
def stop_signals() -> Iterator[None]:
    """Make SIGTERM what Ctrl-C is, a KeyboardInterrupt; the second signal ends the process at once.

    An interrupt gets lost where Python or a library swallows exceptions, such as in callbacks of weak references. Then
    nobody holds it any more, which is noticed, and it is raised again.
    """
    if threading.current_thread() is not threading.main_thread():
        # Python leaves signals to the main thread.
        yield
        return
    # Of a module that was called by its name.
    end_imports()
    _received.clear()
    is_over = False

    def stop(number: int, frame: FrameType | None) -> None:
        _received.append(number)
        if len(_received) > 1:
            os._exit(128 + number)
        interrupt_here()

    def interrupt_here(*_: object) -> None:
        if not is_over:
            # Without a name in this frame, which would keep it alive by its traceback.
            raise watched()

    def watched() -> _Stop:
        interrupt = _Stop(signal.Signals(_received[0]).name)
        weakref.finalize(interrupt, try_again).atexit = False
        return interrupt

    def try_again() -> None:
        if not is_over and hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, interrupt_here)
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    def report_unraisable(problem: sys.UnraisableHookArgs) -> None:
        if not isinstance(problem.exc_value, _Stop):
            hook(problem)

    hook, sys.unraisablehook = sys.unraisablehook, report_unraisable
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        is_over = True
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
        _received.clear()


@contextmanager
def reports_faults(name: str, words: Sequence[str]) -> Iterator[None]:
    """A line for a stop and for the user's fault, in commands that read their options themselves.

    Raises:
        SystemExit: with status 143 or 130 after a stop, 2 where the user's input is at fault.
    """
    with stop_signals(), reports_stop(lambda: what_is_kept(name, words=words)):
        try:
            yield
        except Exception as error:
            fault = users_fault(error)
            if fault is None:
                raise
            tell_fault(fault)
            sys.exit(2)


@contextmanager
def reports_stop(line: Callable[[], str]) -> Iterator[None]:
    """End a command that is interrupted with status 143 or 130, and one line of what is kept and how to go on."""
    try:
        yield
    except _Told:
        raise
    except BaseException as error:
        # Whatever comes after a signal comes of it: libraries turn an interrupt within them into errors of theirs.
        if not _received and not isinstance(error, KeyboardInterrupt):
            raise
        _tell(line())
    if _received:
        _tell("the work was finished before it could stop, nothing of it is missing")


def _tell(line: str) -> NoReturn:
    number = signal.Signals(_received[0] if _received else signal.SIGINT)
    print(f"stopped by {number.name}: {line}", file=sys.stderr)
    raise _Told(128 + number)


def stops_with_a_line(name: str, task: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """A command's work that notes whose its folder is, and tells what it leaves there when it is stopped."""

    @functools.wraps(task)
    def wrapped(config: DictConfig) -> None:
        with reports_stop(lambda: what_is_kept(name, config)):
            write_identity(run_folder())
            task(config)

    return wrapped


def what_is_kept(name: str, config: DictConfig | None = None, words: Sequence[str] | None = None) -> str:
    """What a stopped command leaves, and the line that goes on; `config` is None outside of its own work."""
    words = sys.argv[1:] if words is None else words
    if name in _CONTINUED:
        return f"what is finished is kept; the same command goes on: {_line(name, words)}"
    if config is not None and "resume" in config:
        folder = Path(config.resume or run_folder())
        if can_go_on(folder):
            own = [word for word in words if override_key(word) not in ("resume", "hydra.run.dir")]
            return f"{folder} keeps the run as it was last saved; go on with {_line(name, [*own, f'resume={folder}'])}"
    return f"nothing was saved yet; begin anew with {_line(name, words)}"


def _line(name: str, words: Sequence[str]) -> str:
    return shlex.join([program(name), *words])
