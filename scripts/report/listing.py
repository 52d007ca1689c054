"""mts3-list: the runs in a folder, oldest first, each with what it found and the checkpoints that it left.

    mts3-list                  # all of runs/
    mts3-list runs/train       # those of one command
    mts3-list --finished       # without what was interrupted

Hydra has no positional arguments, so this command reads its few options itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from mbrl_mts3.errors import CheckpointError, ResultError
from mbrl_mts3.scripts.command_line.help import program
from mbrl_mts3.scripts.command_line.signals import reports_faults
from mbrl_mts3.scripts.runs.catalogue import RUNS, Run, find_runs
from mbrl_mts3.scripts.runs.checkpoint_names import find_latest
from mbrl_mts3.scripts.runs.scores import describe_result
from mbrl_mts3.wording import counted


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the runs; status 2 where the folder is at fault."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    with reports_faults("list", words):
        print_runs(options.folder, console, finished=options.finished)


def print_runs(root: Path, console: Console, *, finished: bool = False) -> None:
    """Print three lines for each run: where it is, what it found, its checkpoints.

    Raises:
        ResultError: there is no run, or the result file of one is damaged.
    """
    runs = [run for run in find_runs(root) if run.finished or not finished]
    if not runs:
        raise ResultError(
            f"there is no run in {root.absolute()}: name the folder that commands wrote to, or go to the one that you "
            "called them in, where they make runs/"
        )
    for run in runs:
        for line in _lines(run):
            console.print(line)
    console.print(f"\n{counted(len(runs), 'run')} in {root}")
    try:
        console.print(f"checkpoint=latest is {find_latest(root)[0]}")
    except CheckpointError:
        return


def _lines(run: Run) -> list[str]:
    began = f"  {run.began[:16].replace('T', ' ')}" if run.began else ""
    kept = [f"    checkpoint: {path}" for path in run.checkpoints[:1]]
    return [f"{run.folder}  ({program(run.command)}{began})", f"    {describe_result(run)}", *kept]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mts3-list", description="Runs, what they found, and their checkpoints.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('mbrl_mts3')}")
    parser.add_argument("folder", nargs="?", type=Path, default=RUNS, help="where to look, itself and below (runs)")
    parser.add_argument("--finished", action="store_true", help="only runs that came to their end")
    return parser


if __name__ == "__main__":
    main()
