"""mts3-convert: D4RL's files, Minari data sets and plain arrays into one another."""

from __future__ import annotations

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import RawDataset, convert_dataset, read_dataset
from mbrl_mts3.data.formats.d4rl_catalogue import D4RL_DATASETS, PREFIX
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line import command


@command("convert")
def main(config: DictConfig) -> None:
    """Read, write, say what was found and done."""
    target = config.to or _default_target(str(config.dataset_id))
    dataset = read_dataset(config.dataset_id, download=config.download, rewards=config.rewards)
    convert_dataset(dataset, target, overwrite=config.overwrite)
    console = Console()
    console.print(_table(dataset, target))
    for note in dataset.notes:
        console.print(note)


def _default_target(dataset_id: str) -> str:
    name = dataset_id.removeprefix(PREFIX)
    if name not in D4RL_DATASETS:
        raise ConfigurationError(
            f"to= is needed for {dataset_id}: a path that ends in .hdf5 (D4RL's layout) or .npz, or a Minari id"
        )
    return f"mbrl-mts3/d4rl/{name}"


def _table(dataset: RawDataset, target: str) -> Table:
    table = Table(show_header=False)
    table.add_row("from", dataset.dataset_id)
    table.add_row("to", target)
    table.add_row("environment", dataset.env_id or "none of today has these spaces")
    table.add_row("episodes", f"{len(dataset.episodes):,}")
    table.add_row("steps", f"{sum(len(episode) for episode in dataset.episodes):,}")
    table.add_row("content hash of the source", dataset.content_hash)
    return table


if __name__ == "__main__":
    main()
