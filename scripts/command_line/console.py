"""What several commands print and write: tables, progress bars, lengths of an evaluation, results as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from mbrl_mts3.data import Episode, Normalizer
from mbrl_mts3.files import write_json
from mbrl_mts3.metrics import REPORTED_HORIZONS, OpenLoopResult, check_lengths, default_context, evaluate_open_loop
from mbrl_mts3.models import WorldModel


def run_folder() -> Path:
    """Where the present run writes."""
    return Path(HydraConfig.get().runtime.output_dir)


def write_result(name: str, facts: Mapping[str, Any], config: DictConfig) -> Path:
    """Write a result with the options behind it as strict JSON into the run's folder."""
    return write_json(run_folder() / name, {**facts, "config": OmegaConf.to_container(config, resolve=True)})


def make_console() -> Console:
    """A console that prints text as it is: paths may hold [brackets] and :colons:."""
    return Console(markup=False, emoji=False)


def make_table(header: Sequence[str], rows: Sequence[Sequence[str | Text]], title: str, *, left: int = 1) -> Table:
    """A table with a header; the first columns, `left` of them, are words, the others numbers."""
    table = Table(title=title)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place < left else "right", no_wrap=place == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def make_facts(facts: Mapping[str, str], title: str | None = None) -> Table:
    """A table of names and values, without a header."""
    table = Table(title=title, show_header=False)
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def print_files(console: Console, **files: Path) -> None:
    """Say where results are, a line for each with its keyword before it; long paths stay in one piece."""
    width = max(map(len, files), default=0) + 1
    for name, path in files.items():
        console.print(f"{name + ':':<{width}} {path}", soft_wrap=True)


@contextmanager
def progress_bar(console: Console, title: str, total: int, *, transient: bool = False) -> Iterator[Callable[..., None]]:
    """A bar with what is done and the time that is left; what it yields takes the count that was done."""
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=transient) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda count=1: progress.advance(bar, count)


def choose_lengths(config: DictConfig, model: WorldModel, parts: Sequence[Sequence[Episode]]) -> tuple[int, int]:
    """Observed and predicted steps of open-loop windows that every part has room for.

    Raises:
        EpisodeTooShortError: a part has no episode for what the options say.
    """
    context: int = config.context if config.context is not None else default_context(model)
    longest = min(max(len(episode) for episode in part) for part in parts)
    room = max(1, min(REPORTED_HORIZONS[-1], longest - context + 1))
    horizon: int = config.horizon if config.horizon is not None else room
    for part in parts:
        check_lengths(part, context, horizon)
    return context, horizon


def score_open_loop(
    config: DictConfig,
    model: WorldModel,
    normalizer: Normalizer,
    episodes: Sequence[Episode],
    context: int,
    horizon: int,
) -> OpenLoopResult:
    """Evaluate a model with the options of a command."""
    options = window_options(config, context, horizon)
    return evaluate_open_loop(model, normalizer, episodes, **options, max_windows=config.max_windows)


def window_options(config: DictConfig, context: int, horizon: int) -> dict[str, Any]:
    """Arguments of what predicts windows of episodes, out of a command's options."""
    return {"context": context, "horizon": horizon, "stride": config.stride, "batch_size": config.batch_size}


def uncertainty_options(config: DictConfig) -> dict[str, Any]:
    """Arguments of `load_dynamics` out of a command's options `uncertainty`."""
    chosen = config.uncertainty
    return {
        "uncertainty": chosen.kind,
        "uncertainty_penalty": chosen.penalty,
        "uncertainty_budget": chosen.budget,
    }
