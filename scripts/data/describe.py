"""mts3-data: what a data set holds, whether it can be trusted, and which ones there are.

    mts3-data list                                             # those on the disk; mts3-data list maze: some of them
    mts3-data card  mbrl-mts3/point_maze_umaze/waypoint-v0     # prints and stores the data card
    mts3-data check path/to/a/dataset                          # one line for each finding; status 1 on an error
    mts3-data stats mujoco/halfcheetah/medium-v0 --download    # figures of what the data covers

Hydra has no positional arguments, so this command reads its few options itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from mbrl_mts3.data.checks.coverage import CoverageSample
from mbrl_mts3.data.checks.data_card import DataCard
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.formats.loading import stream_dataset
from mbrl_mts3.files import write_atomically, write_json
from mbrl_mts3.reporting import coverage_figures, data_card_text, save_figure
from mbrl_mts3.scripts.command_line.signals import reports_faults
from mbrl_mts3.scripts.data.listing import print_datasets
from mbrl_mts3.wording import counted


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says; status 1 means that `check` found an error, 2 that the input is at fault."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
    with reports_faults("data", words):
        if options.action == "list":
            status = print_datasets(options.part, console)
        else:
            dataset = stream_dataset(options.dataset, download=options.download)
            status = _ACTIONS[options.action](dataset, options.output, console)
    sys.exit(status)


def card(dataset: StreamedDataset, output: Path | None, console: Console) -> int:
    """Print the data card and store it as card.json and card.md."""
    made = DataCard.from_dataset(dataset)
    text = data_card_text(made.to_json(), list(map(str, made.findings)))
    console.print(text)
    folder = _folder(output, dataset)
    console.print(f"written: {write_json(folder / 'card.json', made.to_json())}")
    console.print(f"written: {write_atomically(folder / 'card.md', text.encode())}")
    return 0


def check(dataset: StreamedDataset, output: Path | None, console: Console) -> int:
    """Print one line for each finding; store the card, which holds them, where a folder is named."""
    made = DataCard.from_dataset(dataset)
    for finding in made.findings:
        console.print(str(finding))
    warnings = len(made.findings) - len(made.errors)
    facts = f"{counted(len(made.statistics.lengths), 'episode')}, {counted(made.statistics.total_steps, 'step')}"
    found = f"{counted(len(made.errors), 'error')}, {counted(warnings, 'warning')}"
    console.print(f"{dataset.dataset_id}: {facts}: {found}")
    if output is not None:
        console.print(f"written: {write_json(output / 'card.json', made.to_json())}")
    return 1 if made.errors else 0


def stats(dataset: StreamedDataset, output: Path | None, console: Console) -> int:
    """Draw what the data covers."""
    found = compute_statistics(dataset)
    sample = CoverageSample.from_statistics(found)
    for name, figure in coverage_figures(found, sample):
        console.print(f"written: {save_figure(figure, _folder(output, dataset) / f'{name}.png')}")
    return 0


_ACTIONS = {"card": card, "check": check, "stats": stats}


def _folder(output: Path | None, dataset: StreamedDataset) -> Path:
    return output if output is not None else Path("runs/data") / dataset.dataset_id


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mts3-data", description="What a data set holds, whether it can be trusted, and which ones there are."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('mbrl_mts3')}")
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|card|check|stats")
    listing = actions.add_parser("list", help="the data sets on the disk", description="The data sets on the disk.")
    listing.add_argument(
        "part", nargs="?", default="", metavar="PART", help="only those with this in id or environment"
    )
    told = {
        "card": "print and store what one should know of the data",
        "check": "look for known faults; status 1 where one makes results wrong",
        "stats": "draw what the data covers",
    }
    for name, text in told.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("dataset", metavar="ID", help="id of a data set, or a local file or folder")
        action.add_argument("--output", type=Path, metavar="FOLDER", help="gets what is written (runs/data/ID)")
        action.add_argument("--download", action="store_true", help="fetch the data set if it is not on disk")
    return parser


if __name__ == "__main__":
    main()
