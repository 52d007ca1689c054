"""mts3-evaluate: how well a trained model predicts blind, by horizon, against two trivial references."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import Episode, OfflineDataset, load_minari, split_episodes
from mbrl_mts3.data.check_same_spaces import check_same_spaces
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError, UnknownObservationError
from mbrl_mts3.metrics import BlindWindow, OpenLoopResult, check_lengths, open_loop, window_starts
from mbrl_mts3.reporting import error_table, write_atomically, write_evaluation_report
from mbrl_mts3.scripts import reports_errors
from mbrl_mts3.training import Checkpoint

LONGEST = 330
"""Blind steps where the configuration asks for none in particular."""


@hydra.main(version_base="1.3", config_path="pkg://mbrl_mts3.configs", config_name="evaluate")
@reports_errors
def main(config: DictConfig) -> None:
    """Score a checkpoint on episodes, print a table, write JSON, figures and a report."""
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    console = Console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    _check_shown(config, checkpoint)
    dataset = _load(config, checkpoint)
    split, episodes = _choose(config, checkpoint, dataset, console)
    context, horizon = _lengths(config, checkpoint, episodes)
    with console.status(f"predicting {horizon} steps blind in {len(episodes)} episodes"):
        result = open_loop(
            checkpoint.model,
            checkpoint.normalizer,
            episodes,
            context=context,
            horizon=horizon,
            stride=config.stride,
            batch_size=config.batch_size,
            max_windows=config.max_windows,
        )
    console.print(_table(result, f"{dataset.dataset_id}, {split} episodes: {len(episodes)}"))
    if result.invalid_predictions:
        console.print(f"[bold red]{result.invalid_predictions} predictions were not finite[/]; see the report")
    _write(config, checkpoint, dataset, split, episodes, result, console)


def _check_shown(config: DictConfig, checkpoint: Checkpoint) -> None:
    names = checkpoint.selector.names
    unknown = [name for name in config.show or () if name not in names]
    if unknown:
        raise UnknownObservationError(f"show names {unknown}, the model observes {', '.join(names)}")


def _load(config: DictConfig, checkpoint: Checkpoint) -> OfflineDataset:
    """The data, seen as the model sees it."""
    dataset_id = config.dataset_id or checkpoint.dataset_id
    try:
        dataset = load_minari(dataset_id, checkpoint.selector.names, download=config.download)
    except UnknownObservationError as error:
        raise SpaceMismatchError(
            f"data set {dataset_id!r} lacks what the model of {config.checkpoint} observes: {error}. "
            "Choose a data set of the model's environment, or another checkpoint"
        ) from error
    trained = checkpoint.observation_space, checkpoint.action_space
    check_same_spaces(trained, (dataset.observation_space, dataset.action_space), dataset_id, "data set")
    return dataset


def _choose(
    config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset, console: Console
) -> tuple[str, Sequence[Episode]]:
    """The episodes to score, and which these are."""
    own = dataset.dataset_id == checkpoint.dataset_id
    if own and dataset.content_hash != checkpoint.content_hash:
        console.print(
            f"[yellow]{dataset.dataset_id} has changed since the model was trained: "
            "its test episodes may not be the ones that were held out"
        )
    split = config.split or ("test" if own else "all")
    if split == "all":
        return split, dataset.episodes
    if split not in ("train", "validation", "test"):
        raise ConfigurationError(f"split={split} is unknown: choose train, validation, test or all")
    splits = split_episodes(dataset.episodes, checkpoint.split_fractions, checkpoint.split_seed)
    chosen: Sequence[Episode] = getattr(splits, split)
    return split, chosen


def _lengths(config: DictConfig, checkpoint: Checkpoint, episodes: Sequence[Episode]) -> tuple[int, int]:
    """Observed and blind steps; what does not fit the episodes is found here, before any work."""
    period = checkpoint.model.period
    context = config.context if config.context is not None else (2 * period if period > 1 else 30)
    room = max(len(episode) for episode in episodes) - context + 1
    horizon = config.horizon if config.horizon is not None else max(1, min(LONGEST, room))
    check_lengths(episodes, context, horizon)
    window_starts(horizon, min(config.sliding_window, horizon), config.sliding_stride)
    return context, horizon


def _table(result: OpenLoopResult, title: str) -> Table:
    header, rows = error_table(result)
    table = Table(title=title)
    for place, cell in enumerate(header):
        table.add_column(cell, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _write(
    config: DictConfig,
    checkpoint: Checkpoint,
    dataset: OfflineDataset,
    split: str,
    episodes: Sequence[Episode],
    result: OpenLoopResult,
    console: Console,
) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    facts: dict[str, Any] = {
        "checkpoint": str(config.checkpoint),
        "model": type(checkpoint.model).__name__,
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "trained_on": checkpoint.dataset_id,
        "split": split,
        "episodes": len(episodes),
        "steps": sum(len(episode) for episode in episodes),
    }
    numbers = result.to_json(min(config.sliding_window, result.horizon), config.sliding_stride)
    written = {**facts, "observations": list(dataset.observation_names), **numbers}
    written["config"] = OmegaConf.to_container(config, resolve=True)
    path = write_atomically(
        folder / "evaluation.json", (json.dumps(written, indent=1, allow_nan=False) + "\n").encode()
    )
    window = BlindWindow.predict(
        checkpoint.model,
        checkpoint.normalizer,
        episodes,
        result.typical_window,
        context=result.context,
        horizon=result.horizon,
    )
    report = write_evaluation_report(
        folder,
        result,
        window,
        dataset.observation_names,
        facts={name.replace("_", " "): str(value) for name, value in facts.items()},
        show=list(config.show) if config.show else None,
    )
    console.print(f"numbers: {path}\nreport:  {report}")


if __name__ == "__main__":
    main()
