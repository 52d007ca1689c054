"""mts3-audit: how far the rewards that are planned for and imagined are from those of the data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from mbrl_mts3.data import Episode, OfflineDataset, load_minari, split_episodes
from mbrl_mts3.data.formats.loading import load_unselected_observations
from mbrl_mts3.envs import check_environment_spaces, make_environment
from mbrl_mts3.envs.tasks import Task, default_task
from mbrl_mts3.envs.tasks.reward_audit import RewardAudit
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import RewardErrors, default_context
from mbrl_mts3.scripts.command_line import command, describe_environment, read_environment
from mbrl_mts3.scripts.command_line.console import make_console, make_table, print_files, write_result
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_episodes


@command("audit")
def main(config: DictConfig) -> None:
    """Read the data, compare its rewards with the task's and the model's, print and write the errors."""
    console = make_console()
    checkpoint = None if config.checkpoint is None else Checkpoint.from_pretrained(config.checkpoint)
    dataset = _dataset(config, checkpoint)
    split, episodes = _choose(config, checkpoint, dataset)
    task = _task(config, dataset, console)
    task.columns(dataset.selector)
    model = None if checkpoint is None else checkpoint.physical_model()
    place = {episode.episode_id: number for number, episode in enumerate(dataset.episodes)}
    raw = load_unselected_observations(dataset)
    audit = RewardAudit.run(
        task,
        dataset.selector,
        episodes,
        [raw[place[episode.episode_id]] for episode in episodes],
        model,
        context=config.context or (30 if checkpoint is None else default_context(checkpoint.model)),
        horizons=tuple(config.horizons),
        max_windows=config.max_windows,
    )
    console.print(_table(audit, f"{task.name}, {dataset.dataset_id}, {split} episodes: {len(episodes)}"))
    written: dict[str, Any] = {
        "checkpoint": None if config.checkpoint is None else str(config.checkpoint),
        "model": None if checkpoint is None else type(checkpoint.model).__name__,
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "split": split,
        "episodes": len(episodes),
        "task": task.name,
        **audit.to_json(),
    }
    print_files(console, numbers=write_result("audit.json", written, config))


def _dataset(config: DictConfig, checkpoint: Checkpoint | None) -> OfflineDataset:
    if checkpoint is not None:
        return checkpoint_dataset(checkpoint, config.dataset_id, download=config.download)
    if config.dataset_id is None:
        raise ConfigurationError(
            "nothing to audit: name a data set (dataset_id=...), a model (checkpoint=...), or both"
        )
    return load_minari(config.dataset_id, download=config.download)


def _choose(
    config: DictConfig, checkpoint: Checkpoint | None, dataset: OfflineDataset
) -> tuple[str, Sequence[Episode]]:
    if checkpoint is not None:
        return checkpoint_episodes(checkpoint, dataset, config.split)
    split = config.split or "all"
    if split not in ("train", "validation", "test", "all"):
        raise ConfigurationError(f"split={split} is unknown: choose train, validation, test or all")
    return split, dataset.episodes if split == "all" else getattr(split_episodes(dataset.episodes), split)


def _task(config: DictConfig, dataset: OfflineDataset, console: Console) -> Task:
    task: Task = instantiate(config.get("task")) or default_task(dataset.env_id)
    if dataset.env_id is None:
        return task.fit(dataset.episodes)
    given = config.environment_options or OmegaConf.create({})
    _, options = read_environment(None, given, dataset.env_id, dataset.env_options)
    console.print(describe_environment(dataset.env_id, options, dataset.env_options), soft_wrap=True)
    with closing(make_environment(dataset.env_id, **options)) as environment:
        # A kitchen made for other tasks, for instance, would pay for others than the data's.
        check_environment_spaces(dataset.observation_space, dataset.action_space, environment)
        return task.prepare(environment).fit(dataset.episodes)


def _table(audit: RewardAudit, title: str) -> Table:
    rows = [] if audit.analytic is None else [["task, true states", *_cells(audit.analytic)]]
    for label, found in (("task, imagined, at", audit.imagined), ("reward head, at", audit.head)):
        rows += [[f"{label} {horizon}", *_cells(errors)] for horizon, errors in found.items()]
    return make_table(["reward", "RMSE", "NRMSE", "bias", "largest", "corr.", "steps"], rows, title)


def _cells(errors: RewardErrors) -> list[str]:
    numbers = (errors.rmse, errors.nrmse, errors.bias, errors.maximum, errors.correlation)
    return [*(f"{number:.3g}" for number in numbers), f"{errors.count:,}"]


if __name__ == "__main__":
    main()
