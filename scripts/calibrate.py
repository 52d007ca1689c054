"""mts3-calibrate: correct a trained model's variances by horizon, so that its intervals hold what they promise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import Episode, Splits
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.metrics import (
    REPORTED_HORIZONS,
    OpenLoopResult,
    check_lengths,
    default_context,
    evaluate_open_loop,
    fit_recalibration,
)
from mbrl_mts3.models import WorldModel
from mbrl_mts3.reporting import recalibration_figure, recalibration_table, save_figure
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits, has_changed

FIT_ON = ("validation", "training_and_validation")


@command("calibrate")
def main(config: DictConfig) -> None:
    """Fit on episodes that are not tested on, judge on test episodes, store the factors in the checkpoint."""
    console = Console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    splits = _splits(config, checkpoint)
    episodes = _fitted_on(config.fit_on, splits)
    context, horizon = _lengths(config, checkpoint, splits)
    with console.status(f"predicting {horizon} steps blind in {len(episodes)} episodes to fit on"):
        recalibration = fit_recalibration(
            checkpoint.model,
            checkpoint.normalizer,
            episodes,
            context=context,
            horizon=horizon,
            stride=config.stride,
            batch_size=config.batch_size,
            rule=config.rule,
        )
    fitted = replace(checkpoint, recalibration=recalibration)
    with console.status(f"predicting {horizon} steps blind in {len(splits.test)} test episodes, before and after"):
        before, after = (
            _score(config, model, checkpoint, splits.test, context, horizon)
            for model in (fitted.model, fitted.recalibrated_model())
        )
    fitted.save_pretrained(config.checkpoint)
    console.print(_table(before, after, f"{checkpoint.dataset_id}, test episodes: {len(splits.test)}"))
    console.print(f"95% intervals hold, over all {horizon} horizons: {_range(before)} before, {_range(after)} after")
    console.print(f"stored in: {config.checkpoint}; use it with mts3-evaluate recalibrated=true")
    _write(config, checkpoint, len(episodes), len(splits.test), before, after, console)


def _fitted_on(choice: str, splits: Splits) -> list[Episode]:
    if choice not in FIT_ON:
        raise ConfigurationError(f"unknown fit_on={choice!r}: choose one of {', '.join(FIT_ON)}")
    return [*splits.validation, *(splits.train if choice == "training_and_validation" else ())]


def _splits(config: DictConfig, checkpoint: Checkpoint) -> Splits:
    dataset = checkpoint_dataset(checkpoint, download=config.download)
    if has_changed(checkpoint, dataset):
        raise DataError(
            f"{dataset.dataset_id} has changed since the model was trained: which episodes it was not trained on is no "
            "longer known. Restore the data set or train anew"
        )
    return checkpoint_splits(checkpoint, dataset)


def _lengths(config: DictConfig, checkpoint: Checkpoint, splits: Splits) -> tuple[int, int]:
    """Observed and blind steps; what does not fit the episodes is found here, before any work."""
    context = config.context if config.context is not None else default_context(checkpoint.model)
    longest = min(max(len(episode) for episode in part) for part in (splits.validation, splits.test))
    horizon = (
        config.horizon if config.horizon is not None else max(1, min(REPORTED_HORIZONS[-1], longest - context + 1))
    )
    for part in (splits.validation, splits.test):
        check_lengths(part, context, horizon)
    return context, horizon


def _score(
    config: DictConfig,
    model: WorldModel,
    checkpoint: Checkpoint,
    episodes: Sequence[Episode],
    context: int,
    horizon: int,
) -> OpenLoopResult:
    return evaluate_open_loop(
        model,
        checkpoint.normalizer,
        episodes,
        context=context,
        horizon=horizon,
        stride=config.stride,
        batch_size=config.batch_size,
        max_windows=config.max_windows,
    )


def _range(result: OpenLoopResult) -> str:
    coverage = result.model.coverage_at(0.95)
    return f"{float(coverage.min()):.1%} to {float(coverage.max()):.1%}"


def _table(before: OpenLoopResult, after: OpenLoopResult, title: str) -> Table:
    header, rows = recalibration_table(before, after)
    table = Table(title=title)
    for place, name in enumerate(header):
        table.add_column(name, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _write(
    config: DictConfig,
    checkpoint: Checkpoint,
    fitted: int,
    tested: int,
    before: OpenLoopResult,
    after: OpenLoopResult,
    console: Console,
) -> None:
    folder = Path(HydraConfig.get().runtime.output_dir)
    written = {
        "checkpoint": str(config.checkpoint),
        "dataset_id": checkpoint.dataset_id,
        "content_hash": checkpoint.content_hash,
        "fit_on": config.fit_on,
        "fitted_episodes": fitted,
        "test_episodes": tested,
        "before": before.to_json(),
        "after": after.to_json(),
        "config": OmegaConf.to_container(config, resolve=True),
    }
    numbers = write_atomically(
        folder / "calibration.json", (json.dumps(written, indent=1, allow_nan=False) + "\n").encode()
    )
    figure = save_figure(recalibration_figure(before, after), folder / "calibration.png")
    console.print(f"numbers: {numbers}\nfigure:  {figure}")


if __name__ == "__main__":
    main()
