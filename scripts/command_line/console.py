"""What several commands print and write: tables, progress bars, results as JSON."""

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

from mbrl_mts3.files import write_json
from mbrl_mts3.scripts.runs.provenance import describe_origin


def run_folder() -> Path:
    """Where the present run writes."""
    return Path(HydraConfig.get().runtime.output_dir)


def write_result(name: str, facts: Mapping[str, Any], config: DictConfig, folder: Path | None = None) -> Path:
    """Write a result as strict JSON with what made it: command, versions, commit and options.

    Args:
        folder: that of the run where none is named.
    """
    made = {"made_by": describe_origin(), "config": OmegaConf.to_container(config, resolve=True)}
    return write_json((folder or run_folder()) / name, {**facts, **made})


def make_console(*, quiet: bool = False) -> Console:
    """A console that prints text as it is: paths may hold [brackets] and :colons:."""
    return Console(markup=False, emoji=False, quiet=quiet)


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
