"""mts3-calibrate: correct a trained model's variances by horizon, so that its intervals hold what they promise."""

from __future__ import annotations

from dataclasses import replace

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import Episode, Splits
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.metrics import (
    OpenLoopResult,
    fit_recalibration,
)
from mbrl_mts3.pretrained import find_pretrained
from mbrl_mts3.reporting import recalibration_figure, recalibration_table, save_figure
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.console import make_console, make_table, print_files, run_folder, write_result
from mbrl_mts3.scripts.command_line.evaluation_options import choose_lengths, score_open_loop, window_options
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits, has_changed
from mbrl_mts3.training.hub_download import is_hub_address
from mbrl_mts3.wording import counted

FIT_ON = ("validation", "training_and_validation")


@command("calibrate")
def main(config: DictConfig) -> None:
    """Fit on episodes that are not tested on, judge on test episodes, store the factors in the checkpoint."""
    console = make_console()
    if is_hub_address(config.checkpoint) or find_pretrained(config.checkpoint):
        raise ConfigurationError(
            f"{config.checkpoint} is only read, and the factors are stored in the checkpoint: save it to a "
            "folder first, with Checkpoint.from_pretrained(...).save_pretrained(FOLDER)"
        )
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    splits = _splits(config, checkpoint)
    episodes = _fitted_on(config.fit_on, splits)
    context, horizon = choose_lengths(config, checkpoint.model, (splits.validation, splits.test))
    with console.status(
        f"predicting {counted(horizon, 'step')} open loop in {counted(len(episodes), 'episode')} to fit on"
    ):
        recalibration = fit_recalibration(
            checkpoint.model,
            checkpoint.normalizer,
            episodes,
            **window_options(config, context, horizon),
            rule=config.rule,
        )
    fitted = replace(checkpoint, recalibration=recalibration)
    with console.status(
        f"predicting {counted(horizon, 'step')} open loop in {counted(len(splits.test), 'test episode')}, before and "
        "after"
    ):
        before, after = (
            score_open_loop(config, model, checkpoint.normalizer, splits.test, context, horizon)
            for model in (fitted.model, fitted.recalibrated_model())
        )
    fitted.save_pretrained(config.checkpoint)
    console.print(_table(before, after, f"{checkpoint.dataset_id}, test episodes: {len(splits.test)}"))
    console.print(f"95% intervals hold, over all {horizon} horizons: {_range(before)} before, {_range(after)} after")
    for line in _worse(before, after):
        console.print(line, style="bold")
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


def _range(result: OpenLoopResult) -> str:
    coverage = result.model.coverage_at(0.95)
    return f"{float(coverage.min()):.1%} to {float(coverage.max()):.1%}"


def _worse(before: OpenLoopResult, after: OpenLoopResult) -> list[str]:
    """A line where the factors make test episodes less likely than the model's own variances do."""
    first, second = before.model.nll, after.model.nll
    if first is None or second is None or not float(second.mean()) > float(first.mean()):
        return []
    return [
        f"the test episodes are less likely with these factors: NLL {float(second.mean()):.4g} nats, "
        f"{float(first.mean()):.4g} before. Predict without them (recalibrated=false), or fit on more episodes"
    ]


def _table(before: OpenLoopResult, after: OpenLoopResult, title: str) -> Table:
    header, rows = recalibration_table(before, after)
    return make_table(header, rows, title)


def _write(
    config: DictConfig,
    checkpoint: Checkpoint,
    fitted: int,
    tested: int,
    before: OpenLoopResult,
    after: OpenLoopResult,
    console: Console,
) -> None:
    written = {
        "checkpoint": str(config.checkpoint),
        "dataset_id": checkpoint.dataset_id,
        "content_hash": checkpoint.content_hash,
        "fit_on": config.fit_on,
        "fitted_episodes": fitted,
        "test_episodes": tested,
        "before": before.to_json(),
        "after": after.to_json(),
    }
    numbers = write_result("calibration.json", written, config)
    figure = save_figure(recalibration_figure(before, after), run_folder() / "calibration.png")
    print_files(console, numbers=numbers, figure=figure)


if __name__ == "__main__":
    main()
