"""The programs behind the commands; they import what these need, so that a stop in these seconds is told, too."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

# What signals did before the imports, while these last.
_handlers: dict[int, Any] = {}


def begin_imports() -> None:
    """Let SIGINT and SIGTERM end the process with a line until `end_imports`."""
    if threading.current_thread() is threading.main_thread():
        _handlers.update({number: signal.signal(number, _leave) for number in (signal.SIGINT, signal.SIGTERM)})


def end_imports() -> None:
    """Let signals do what they did before; nothing where no imports were begun."""
    while _handlers:
        signal.signal(*_handlers.popitem())


def _program(module: str, function: str = "main") -> Callable[[], None]:
    def run() -> None:
        begin_imports()
        try:
            main: Callable[[], None] = getattr(import_module(f"mbrl_mts3.scripts.{module}"), function)
        finally:
            end_imports()
        main()

    return run


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: while libraries are imported there is nothing to keep, and an error in them would help nobody."""
    as_module = is_module_run(sys.orig_argv)
    line = shlex.join(["python", *sys.orig_argv[1:]] if as_module else [Path(sys.argv[0]).name, *sys.argv[1:]])
    text = f"stopped by {signal.Signals(number).name}: nothing was begun yet; begin anew with {line}\n"
    os.write(sys.stderr.fileno(), text.encode())
    os._exit(128 + number)


def is_module_run(words: Sequence[str]) -> bool:
    """Whether a command was called as `python -m mbrl_mts3.scripts.NAME`, by the interpreter's own arguments."""
    return any(flag == "-m" and name.startswith("mbrl_mts3.scripts") for flag, name in pairwise(words))


audit = _program("audit")
benchmark = _program("benchmark")
calibrate = _program("calibrate")
collect = _program("collect")
convert = _program("convert")
data = _program("data")
demo = _program("experiment", "demo")
diagnose = _program("diagnose")
evaluate = _program("evaluate")
evaluate_policies = _program("evaluate_policies")
experiment = _program("experiment")
export = _program("export")
imagine = _program("imagine")
inspect_latents = _program("inspect_latents")
list_runs = _program("report.listing")
offline = _program("offline")
plan = _program("plan")
report = _program("report.pages")
rollout = _program("rollout")
train = _program("train")
