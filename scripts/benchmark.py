"""mts3-benchmark: train and evaluate models on data sets with several seeds, and write one table per data set."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.table import Table
from rich.text import Text

from mbrl_mts3.benchmark import BenchmarkRun, Comparison, RunFiles, RunRecord, SeedSummary, write_comparison
from mbrl_mts3.benchmark.comparison import best_value
from mbrl_mts3.benchmark.options import check_sweep, dataset_name, variant_name
from mbrl_mts3.errors import MTS3Error, ResultError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.scripts.command_line import command, reports_errors, users_fault
from mbrl_mts3.scripts.command_line.console import make_console, make_table
from mbrl_mts3.training import keep_freed_memory

OUTCOME_FILE = "outcome.json"


@command("benchmark")
def main(config: DictConfig) -> None:
    """One run of the sweep. Whatever fails is written down and told at the end, so that the other runs go on."""
    keep_freed_memory()
    settings = HydraConfig.get()
    if config.table_only:
        # A sweep has done it before its first run.
        sys.exit(_end_with(_write_tables(config, _results_there(config))))
    files = _files(config)
    failure = _attempt(config, files)
    outcome = json.dumps({"run": str(files), "dataset": files.dataset, "failure": failure})
    write_atomically(Path(settings.runtime.output_dir) / OUTCOME_FILE, outcome.encode())
    if failure and settings.mode == RunMode.RUN:
        # No sweep, so that nobody else tells.
        sys.exit(1)


def _files(config: DictConfig) -> RunFiles:
    settings = HydraConfig.get()
    choices = dict(settings.runtime.choices)
    changes = {item.key_or_group: item.get_value_element_as_str() for item in _parsed(settings.overrides.task)}
    return RunFiles(
        Path(config.results),
        config.dataset_label or dataset_name(choices, changes),
        config.label or variant_name(choices, changes),
        config.training.seed,
    )


def _parsed(overrides: Iterable[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))


def _attempt(config: DictConfig, files: RunFiles) -> str | None:
    """Finish a run; returns what went wrong, if anything."""
    try:
        _finish(config, files)
    except Exception as error:
        fault = users_fault(error)
        if fault is None:
            logging.getLogger(__name__).exception("%s failed", files)
        reason = fault or error
        message = f"{type(reason).__name__}: {reason}"
        _say(f"{files}: {message}")
        return message
    return None


def _finish(config: DictConfig, files: RunFiles) -> None:
    run = BenchmarkRun(
        dataset=instantiate(config.data),
        make_model=instantiate(config.model, _convert_="all"),
        trainer=instantiate(config.training, _convert_="all"),
        protocol=instantiate(config.evaluation),
        files=files,
        device=config.device,
    )
    record = run.finish(overwrite=config.overwrite, on_stage=lambda stage: _say(f"{files}: {stage}"))
    _say(f"{files}: {_in_short(record)}")


def _in_short(record: RunRecord) -> str:
    scalars, errors = record.scalars, record.curves["nrmse"]
    return (
        f"{scalars['updates']:.0f} updates in {scalars['training_seconds']:.0f} s; NRMSE {errors[0]:.3g} one step "
        f"ahead, {errors[-1]:.3g} at {record.horizon}"
    )


def _say(line: str) -> None:
    # Several processes may write at once: whole lines, at once.
    print(line, flush=True)


class SweepReport(Callback):
    """Before a sweep: looks for runs that would share a name. After it: tables, and a list of what failed."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what cannot work; with `table_only` do all there is to do."""
        _loudly(_begin, config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Write the tables and leave with status 1 where a run failed."""
        _loudly(_end, config)


def _loudly(step: Callable[[DictConfig], None], config: DictConfig) -> None:
    """Hydra turns what a callback raises into a warning and goes on; this ends the command instead."""
    try:
        reports_errors(step)(config)
    except Exception:
        traceback.print_exc()
        sys.exit(1)


def _begin(config: DictConfig) -> None:
    if config.table_only:
        sys.exit(_end_with(_write_tables(config, _results_there(config))))
    # Names that cannot be files are found here, and not after the first training.
    RunFiles(Path(config.results), config.dataset_label or "any", config.label or "any", 0)
    sweep = config.hydra.sweeper.get("params") or {}
    # Later ones replace earlier ones: the command line has the last word.
    overrides = _parsed([*(f"{name}={value}" for name, value in sweep.items()), *config.hydra.overrides.task])
    several = {item.key_or_group: item.is_sweep_override() for item in overrides}
    labels = ("label", "dataset_label")
    check_sweep(
        {name for name, is_swept in several.items() if is_swept}, {name for name in labels if config[name] is not None}
    )


def _end(config: DictConfig) -> None:
    outcomes = [json.loads(path.read_text()) for path in Path(config.hydra.sweep.dir).glob(f"*/{OUTCOME_FILE}")]
    failures = sorted(f"{outcome['run']}: {outcome['failure']}" for outcome in outcomes if outcome["failure"])
    failures += _write_tables(config, _compared(config) & {outcome["dataset"] for outcome in outcomes})
    sys.exit(_end_with(failures))


def _end_with(failures: list[str]) -> int:
    """Tell what failed; returns the exit status."""
    if failures:
        print("\nfailed:", *failures, sep="\n  ", file=sys.stderr)
    return int(bool(failures))


def _compared(config: DictConfig) -> set[str]:
    """Data sets with at least one result."""
    return {path.parts[-3] for path in (Path(config.results) / "runs").glob("*/*/seed_*.json")}


def _results_there(config: DictConfig) -> set[str]:
    datasets = _compared(config)
    if not datasets:
        raise ResultError(f"there is no result in {config.results}/runs: run mts3-benchmark without table_only")
    return datasets


def _write_tables(config: DictConfig, datasets: Iterable[str]) -> list[str]:
    """Compare the results on each data set; returns what went wrong with which."""
    console, failures, root = make_console(), [], Path(config.results)
    for dataset in sorted(datasets):
        try:
            comparison = Comparison.read(root / "runs" / dataset)
        except MTS3Error as error:
            failures.append(f"table of {dataset}: {type(error).__name__}: {error}")
            continue
        paths = write_comparison(comparison, root)
        console.print(_table(comparison))
        console.print(*paths, sep="\n")
    return failures


def _table(comparison: Comparison) -> Table:
    columns = [
        [comparison.at(label, "nrmse", horizon) for label in comparison.labels] for horizon in comparison.horizons
    ]
    rows: list[list[str | Text]] = [
        [label, *(_cell(column, place) for column in columns)] for place, label in enumerate(comparison.labels)
    ]
    title = f"{comparison.dataset}: NRMSE by steps ahead, mean over seeds"
    return make_table(["model", *map(str, comparison.horizons)], rows, title)


def _cell(column: Sequence[SeedSummary], place: int) -> Text:
    text = f"{column[place].mean:.3f}"
    return Text(text, style="bold" if best_value(column) == place else "")


if __name__ == "__main__":
    main()
