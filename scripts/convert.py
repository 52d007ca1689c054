"""mts3-convert: D4RL's files, Minari data sets and plain arrays into one another."""

from __future__ import annotations

from omegaconf import DictConfig

from mbrl_mts3.data import convert_dataset, read_dataset
from mbrl_mts3.data.formats.d4rl_catalogue import D4RL_DATASETS, PREFIX
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.console import make_console, make_facts


@command("convert")
def main(config: DictConfig) -> None:
    """Read, write, say what was found and done."""
    target = config.to or _default_target(str(config.dataset_id))
    dataset = read_dataset(config.dataset_id, download=config.download, rewards=config.rewards)
    convert_dataset(dataset, target, overwrite=config.overwrite)
    console = make_console()
    facts = {
        "from": dataset.dataset_id,
        "to": target,
        "environment": dataset.env_id or "none of today has these spaces",
        "episodes": f"{len(dataset.episodes):,}",
        "steps": f"{sum(len(episode) for episode in dataset.episodes):,}",
        "content hash of the source": dataset.content_hash,
    }
    console.print(make_facts(facts))
    for note in dataset.notes:
        console.print(note)


def _default_target(dataset_id: str) -> str:
    name = dataset_id.removeprefix(PREFIX)
    if name not in D4RL_DATASETS:
        raise ConfigurationError(
            f"to= is needed for {dataset_id}: a path that ends in .hdf5 (D4RL's layout) or .npz, or a Minari id"
        )
    return f"mbrl-mts3/d4rl/{name}"


if __name__ == "__main__":
    main()
