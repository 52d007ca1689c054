"""mts3-report: one page of one or of several runs, side by side, made anew from the files that they left.

    mts3-report runs/evaluate/*                        # errors by horizon and calibration of several models
    mts3-report runs/train/* runs/plan/*               # learning curves, returns, paths
    mts3-report runs --output all.html                 # everything that lies below runs/

Hydra has no positional arguments, so this command reads its few options itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting import Report
from mbrl_mts3.scripts.command_line.console import print_files
from mbrl_mts3.scripts.command_line.help import program
from mbrl_mts3.scripts.command_line.run_folders import make_new_folder
from mbrl_mts3.scripts.command_line.signals import reports_faults
from mbrl_mts3.scripts.experiments.page import REPORT_FILE, add_agents, add_figures, add_predictions
from mbrl_mts3.scripts.experiments.rows import agent_rows, prediction_rows
from mbrl_mts3.scripts.experiments.running import StageResult
from mbrl_mts3.scripts.experiments.stages import Stage
from mbrl_mts3.scripts.report.sections import add_calibration, add_horizons, add_learning, add_paths, add_policies
from mbrl_mts3.scripts.runs.catalogue import RUNS, Run, find_runs, read_run
from mbrl_mts3.scripts.runs.provenance import library_versions
from mbrl_mts3.scripts.runs.scores import describe_result
from mbrl_mts3.wording import counted, shortest_names


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and say where it is; status 2 where a folder is at fault."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    with reports_faults("report", words):
        runs = collect_runs(options.runs)
        output = options.output
        if output is None:
            output = Path(make_new_folder(f"{RUNS}/report/{datetime.now():%Y-%m-%d_%H-%M-%S}")) / REPORT_FILE
        print_files(console, report=write_report(runs, output))


def collect_runs(folders: Sequence[Path]) -> list[Run]:
    """The runs in these folders; of an experiment, and of a folder that is no run itself, those below it.

    Raises:
        ConfigurationError: a folder without a run, or all runs have not finished.
        ResultError: a result file is damaged.
    """
    found: dict[Path, Run] = {}
    for folder in folders:
        own = read_run(folder)
        whole = own is not None and own.command != "experiment"
        runs = [own] if own is not None and whole else [run for run in find_runs(folder) if run.command != "experiment"]
        if not runs:
            raise ConfigurationError(
                f"there is no run in {folder}: name folders that commands wrote to (mts3-list shows them)"
            )
        found.update((run.folder.resolve(), run) for run in runs)
    finished = [run for run in found.values() if run.result]
    if not finished:
        raise ConfigurationError(f"none of {counted(len(found), 'run')} has finished, so there is nothing to report")
    return sorted(finished, key=lambda run: run.began)


def write_report(runs: Sequence[Run], path: Path) -> Path:
    """Write the page of these runs: what they found, then what can be compared, then their own figures."""
    named = list(zip(shortest_names([run.folder for run in runs]), runs, strict=True))
    title = f"{program(runs[0].command)}: {named[0][0]}" if len(runs) == 1 else counted(len(runs), "run")
    report = Report(title, "Made anew by mts3-report from the files that the runs left.")
    rows = [[name, program(run.command), run.began[:16].replace("T", " "), describe_result(run)] for name, run in named]
    report.add_table(["run", "command", "began (UTC)", "what it found"], rows, "The runs, oldest first.", words=True)
    results = [_as_stage(name, run) for name, run in named]
    add_learning(report, named)
    add_agents(report, agent_rows(results), "run")
    add_paths(report, named)
    add_policies(report, named)
    add_predictions(report, prediction_rows(results), "run")
    add_horizons(report, named)
    add_calibration(report, named)
    for name, run in named:
        add_figures(report, name, run.folder)
    report.add_heading("Commands")
    for name, run in named:
        report.add_text(f"{name}: {run.line or 'not noted'}")
    return report.write(path)


def _as_stage(name: str, run: Run) -> StageResult:
    """The run as if it had been a stage of an experiment, whose rows are made of the same files."""
    # What tells the rows of an experiment that the tables of a benchmark are meant.
    options = ("table_only=true",) if run.command == "benchmark" else ()
    record = {"versions": library_versions(), "options": {"results": str(run.folder)}}
    return StageResult(Stage(name, run.command, options, ()), run.folder, record)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mts3-report", description="One page of runs, side by side, made anew from the files that they left."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('mbrl_mts3')}")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, or one with runs below")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the page (runs/report/TIME/report.html)")
    return parser


if __name__ == "__main__":
    main()
