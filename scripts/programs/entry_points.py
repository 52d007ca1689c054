"""The programs behind the commands; they import what these need, so that a stop in these seconds is told, too."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType


def _program(module: str, function: str = "main") -> Callable[[], None]:
    def run() -> None:
        handled = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
        before = {number: signal.signal(number, _leave) for number in handled}
        try:
            main: Callable[[], None] = getattr(import_module(f"mbrl_mts3.scripts.{module}"), function)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        main()

    return run


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: while libraries are imported there is nothing to keep, and an error in them would help nobody."""
    line = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    text = f"stopped by {signal.Signals(number).name}: nothing was begun yet; begin anew with {line}\n"
    os.write(sys.stderr.fileno(), text.encode())
    os._exit(128 + number)


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
