"""mts3-inspect-latents: what the slow latents of a model do along episodes, as a picture."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from omegaconf import DictConfig

from mbrl_mts3.array_types import Array
from mbrl_mts3.data import OfflineDataset, load_dataset
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.metrics import SlowLatents, collect_slow_latents
from mbrl_mts3.reporting import Projection, latent_figure, save_figure
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.console import make_console, print_files, run_folder
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_episodes
from mbrl_mts3.wording import counted

GOAL = "desired_goal"
COLOURS = ("time", "quality", "task")


@command("inspect_latents")
def main(config: DictConfig) -> None:
    """Filter episodes, project the slow latents, draw and write them."""
    console = make_console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    dataset = checkpoint_dataset(checkpoint, config.dataset_id, download=config.download)
    split, episodes = checkpoint_episodes(checkpoint, dataset, config.split)
    names = _colourings(config, dataset)
    with console.status(f"filtering {counted(len(episodes), 'episode')}"):
        latents = collect_slow_latents(checkpoint.model, checkpoint.normalizer, episodes, config.level)
    colours: dict[str, Array] = {}
    for name in names:
        colours.update(_values(name, split, checkpoint, dataset, latents))
    projection = Projection.fit(latents.mean.numpy(), config.projection, seed=config.seed)
    folder = run_folder()
    title = f"Slow latents in {counted(len(episodes), 'episode')} ({split}) of {dataset.dataset_id}"
    plot = latent_figure(projection, latents.episode.numpy(), colours, title=title)
    figure = save_figure(plot, folder / "latents.png")
    numbers = _write(folder, dataset, latents, projection, colours)
    if projection.explained is not None:
        share = f"{sum(projection.explained):.0%}"
        console.print(f"two components hold {share} of the variance of {latents.mean.shape[1]} dimensions")
    print_files(console, numbers=numbers, figure=figure)


def _colourings(config: DictConfig, dataset: OfflineDataset) -> list[str]:
    """What is asked for, or all that the data knows."""
    has_goal = isinstance(dataset.observation_space, spaces.Dict) and GOAL in dataset.observation_space.spaces
    if config.colours is None:
        return [name for name in COLOURS if name != "task" or has_goal]
    unknown = [name for name in config.colours if name not in COLOURS]
    if unknown or not config.colours:
        raise ConfigurationError(f"colours={list(config.colours)}: choose some of {', '.join(COLOURS)}")
    if "task" in config.colours and not has_goal:
        raise ConfigurationError(
            f"{dataset.dataset_id} has no {GOAL} to tell tasks apart: choose colours=[time,quality] instead"
        )
    return list(config.colours)


def _values(
    name: str, split: str, checkpoint: Checkpoint, dataset: OfflineDataset, latents: SlowLatents
) -> dict[str, Array]:
    """Values of one colouring at each latent, by their label; a task has one for each entry of the goal that varies."""
    _, episodes = checkpoint_episodes(checkpoint, dataset, split)
    places, steps = latents.episode.numpy(), latents.step.numpy()
    if name == "time":
        return {"step of the episode": steps}
    if name == "quality":
        returns = np.array([episode.rewards.sum() for episode in episodes])
        return {"return of the episode": returns[places]}
    goals = load_dataset(dataset.dataset_id, GOAL)
    _, chosen = checkpoint_episodes(checkpoint, goals, split)
    values = np.stack([chosen[place].observations[step] for place, step in zip(places, steps, strict=True)])
    # Where all episodes have one task, a single panel says so.
    varying = np.flatnonzero(np.ptp(values, axis=0) > 0) if np.ptp(values, axis=0).any() else [0]
    return {goals.observation_names[column]: values[:, column] for column in varying}


def _write(
    folder: Path, dataset: OfflineDataset, latents: SlowLatents, projection: Projection, colours: dict[str, Array]
) -> Path:
    arrays: dict[str, Any] = {name.replace(" ", "_").replace("/", "_"): values for name, values in colours.items()}
    arrays |= {"mean": latents.mean.numpy(), "episode": latents.episode.numpy(), "step": latents.step.numpy()}
    arrays |= {"dataset_id": np.array(dataset.dataset_id), "content_hash": np.array(dataset.content_hash)}
    buffer = BytesIO()
    np.savez_compressed(buffer, projected=projection.points, **arrays)
    return write_atomically(folder / "latents.npz", buffer.getvalue())


if __name__ == "__main__":
    main()
