"""mts3-evaluate: open-loop prediction error of a trained model by horizon, against two simple references."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from mbrl_mts3.data import Episode, OfflineDataset
from mbrl_mts3.errors import UnknownObservationError
from mbrl_mts3.metrics import (
    ImputationResult,
    OpenLoopResult,
    OpenLoopWindow,
    evaluate_imputation,
    window_starts,
)
from mbrl_mts3.metrics.errors_by_horizon import NOISE_HIGH, NOISE_LOW, NOISE_STEPS
from mbrl_mts3.models import WorldModel
from mbrl_mts3.reporting import error_table, imputation_table, write_evaluation_report
from mbrl_mts3.scripts.command_line import command
from mbrl_mts3.scripts.command_line.console import make_console, make_table, print_files, run_folder, write_result
from mbrl_mts3.scripts.command_line.evaluation_options import choose_lengths, score_open_loop
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_episodes, has_changed
from mbrl_mts3.wording import counted


@command("evaluate")
def main(config: DictConfig) -> None:
    """Score a checkpoint on episodes, print a table, write JSON, figures and a report."""
    console = make_console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    model = checkpoint.recalibrated_model() if config.recalibrated else checkpoint.model
    _check_shown(config, checkpoint)
    dataset = checkpoint_dataset(checkpoint, config.dataset_id, download=config.download)
    split, episodes = _choose(config, checkpoint, dataset, console)
    context, horizon = choose_lengths(config, checkpoint.model, [episodes])
    # What does not fit is found here, before any work.
    window_starts(horizon, min(config.sliding_window, horizon), config.sliding_stride)
    imputed = _impute(config, model, checkpoint, episodes, context, horizon, console)
    with console.status(f"predicting {counted(horizon, 'step')} open loop in {counted(len(episodes), 'episode')}"):
        result = score_open_loop(config, model, checkpoint.normalizer, episodes, context, horizon)
    console.print(make_table(*error_table(result), f"{dataset.dataset_id}, {split} episodes: {len(episodes)}"))
    if result.noise:
        names = ", ".join(dataset.observation_names[place] for place in result.noise)
        console.print(
            f"{len(result.noise)} of {len(dataset.observation_names)} entries are white noise, which nothing predicts; "
            "they are left out where it says without noise. (Repeating their last value errs by "
            f"{NOISE_LOW} to {NOISE_HIGH} deviations at each of the first {NOISE_STEPS} steps ahead.) They are {names}."
        )
    if imputed is not None:
        console.print(make_table(*imputation_table(imputed), f"{imputed.rate:.0%} of the observations missing"))
    if result.invalid_predictions:
        console.print(
            f"predictions that were not finite: {result.invalid_predictions:,}; see the report", style="bold red"
        )
    _write(config, checkpoint, model, dataset, split, episodes, result, imputed, console)


def _check_shown(config: DictConfig, checkpoint: Checkpoint) -> None:
    names = checkpoint.selector.names
    unknown = [name for name in config.show or () if name not in names]
    if unknown:
        raise UnknownObservationError(f"show names {unknown}, the model observes {', '.join(names)}")


def _choose(
    config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset, console: Console
) -> tuple[str, Sequence[Episode]]:
    """The episodes to score, and which these are."""
    if has_changed(checkpoint, dataset):
        console.print(
            f"[yellow]{dataset.dataset_id} has changed since the model was trained: "
            "its test episodes may not be the ones that were held out"
        )
    return checkpoint_episodes(checkpoint, dataset, config.split)


def _impute(
    config: DictConfig,
    model: WorldModel,
    checkpoint: Checkpoint,
    episodes: Sequence[Episode],
    context: int,
    horizon: int,
    console: Console,
) -> ImputationResult | None:
    """The imputation test, where it is asked for."""
    if config.imputation_rate is None:
        return None
    with console.status(f"filtering {counted(len(episodes), 'episode')} with {config.imputation_rate:.0%} missing"):
        return evaluate_imputation(
            model,
            checkpoint.normalizer,
            episodes,
            rate=config.imputation_rate,
            context=context,
            horizon=horizon,
            batch_size=config.batch_size,
            max_windows=config.max_windows,
            seed=config.seed,
        )


def _write(
    config: DictConfig,
    checkpoint: Checkpoint,
    model: WorldModel,
    dataset: OfflineDataset,
    split: str,
    episodes: Sequence[Episode],
    result: OpenLoopResult,
    imputed: ImputationResult | None,
    console: Console,
) -> None:
    folder = run_folder()
    facts: dict[str, Any] = {
        "checkpoint": str(config.checkpoint),
        "model": type(checkpoint.model).__name__,
        "recalibrated": bool(config.recalibrated),
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "trained_on": checkpoint.dataset_id,
        "trained_on_content_hash": checkpoint.content_hash,
        "split": split,
        "episodes": len(episodes),
        "steps": sum(len(episode) for episode in episodes),
    }
    numbers = result.to_json(min(config.sliding_window, result.horizon), config.sliding_stride)
    written = {**facts, "observations": list(dataset.observation_names), **numbers}
    written["imputation"] = None if imputed is None else imputed.to_json()
    path = write_result("evaluation.json", written, config)
    window = OpenLoopWindow.predict(
        model,
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
        imputed=imputed,
    )
    print_files(console, numbers=path, report=report)


if __name__ == "__main__":
    main()
