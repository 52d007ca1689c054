"""What a command does when it is told to stop: by Ctrl-C, by SLURM or by a container's end."""

from __future__ import annotations

import functools
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from omegaconf import DictConfig

from mbrl_mts3.scripts.command_line.arguments import override_key
from mbrl_mts3.scripts.command_line.console import run_folder
from mbrl_mts3.scripts.command_line.help import program
from mbrl_mts3.scripts.command_line.run_folders import write_identity

# Of a training, of one in imagination, of one from data alone.
_STATES = (("resume.ckpt",), ("resume.pt",), ("offline.json", "policy.zip"))
# Commands that pass over what is finished when they are called again.
_CONTINUED = ("benchmark", "experiment")


def can_go_on(folder: Path) -> bool:
    """Whether a folder holds a run that can be resumed."""
    return any(all((folder / name).is_file() for name in names) for names in _STATES)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Make SIGTERM what Ctrl-C is, a KeyboardInterrupt; the second signal ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        # Python leaves signals to the main thread.
        yield
        return
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def reports_stop(line: Callable[[], str]) -> Iterator[None]:
    """End a command that is interrupted with status 143 or 130, and one line of what is kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        name = str(stop) if str(stop) in signal.Signals.__members__ else "SIGINT"
        print(f"stopped by {name}: {line()}", file=sys.stderr)
        sys.exit(128 + signal.Signals[name])


def stops_with_a_line(name: str, task: Callable[[DictConfig], None]) -> Callable[[DictConfig], None]:
    """A command's work that notes whose its folder is, and tells what it leaves there when it is stopped."""

    @functools.wraps(task)
    def wrapped(config: DictConfig) -> None:
        with reports_stop(lambda: _what_is_kept(name, config)):
            write_identity(name, run_folder())
            task(config)

    return wrapped


def _what_is_kept(name: str, config: DictConfig) -> str:
    words = sys.argv[1:]
    if name in _CONTINUED:
        return f"what is finished is kept; the same command goes on: {_line(name, words)}"
    if "resume" in config:
        folder = Path(config.resume or run_folder())
        if can_go_on(folder):
            own = [word for word in words if override_key(word) not in ("resume", "hydra.run.dir")]
            return f"{folder} keeps the run as it was last saved; go on with {_line(name, [*own, f'resume={folder}'])}"
    return f"nothing was saved yet; begin anew with {_line(name, words)}"


def _line(name: str, words: Sequence[str]) -> str:
    return shlex.join([program(name), *words])
