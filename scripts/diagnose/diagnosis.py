"""mts3-diagnose: how far a model is from the true simulator, and whether its uncertainty tells where."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import gymnasium
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.model_diagnosis import ModelDiagnoser, RecordedStarts
from mbrl_mts3.agents.policy_files import load_policy_files
from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset, load_dataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.simulator_rollouts import find_state_setter
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import default_context
from mbrl_mts3.metrics.diagnosis import ModelDiagnosis
from mbrl_mts3.reporting.diagnosis import (
    cut_table,
    describe_findings,
    describe_replay,
    is_replayed,
    rank_table,
    return_table,
    step_error_table,
    write_diagnosis_report,
)
from mbrl_mts3.scripts.command_line import choose_environment, command
from mbrl_mts3.scripts.command_line.console import make_console, make_table, print_files, run_folder, write_result
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_episodes, has_changed

Seconds = dict[str, float]


@command("diagnose")
def main(config: DictConfig) -> None:
    """Roll out in the model and in the simulator, print and write how far they are apart."""
    console = make_console()
    seconds: Seconds = {}
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    env_id, options = choose_environment(config, checkpoint, console)
    with closing(make_environment(env_id, **options)) as environment:
        # Whether this environment can be set is known before anything is read.
        find_state_setter(environment)
        with _timed(seconds, "reading the data"):
            dataset = checkpoint_dataset(checkpoint, config.dataset_id, download=config.download)
            split, episodes = checkpoint_episodes(checkpoint, dataset, config.split)
            whole = _whole(dataset, episodes)
        if has_changed(checkpoint, dataset):
            console.print(
                f"{dataset.dataset_id} has changed since the model was trained: "
                "its test episodes may not be the ones that were held out",
                style="yellow",
            )
        dynamics = _dynamics(config, checkpoint, dataset, env_id, options)
        policies = _policies(config, dynamics)
        with _timed(seconds, "filtering"), console.status("filtering the steps before the start states"):
            starts = RecordedStarts.from_episodes(
                dynamics,
                episodes,
                context=config.context if config.context is not None else default_context(checkpoint.model),
                horizon=config.horizon,
                size=config.num_start_states,
                seed=config.seed,
                whole=whole,
            )
        diagnosis = _diagnose(config, checkpoint, dynamics, environment, starts, policies, seconds, console)
    facts = {
        "checkpoint": str(config.checkpoint),
        "model": type(checkpoint.model).__name__,
        "environment": env_id,
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "split": split,
        "episodes": len(episodes),
        "rewards": dynamics.task.name,
        "imagination": "means" if config.deterministic else "samples",
        "start_states": len(starts.actions),
    }
    _print(diagnosis, f"{facts['model']}, {dataset.dataset_id}, {split} episodes: {len(episodes)}", console)
    _write(config, diagnosis, facts, seconds, console)


def _whole(
    dataset: OfflineDataset, episodes: Sequence[Episode]
) -> tuple[ObservationSelector, Sequence[Episode]] | None:
    """The same episodes with all of the main observation; None where the model sees all of it."""
    selector = ObservationSelector.from_space(dataset.observation_space, dataset.env_id)
    if set(selector.names) <= set(dataset.selector.names):
        return None
    complete = {episode.episode_id: episode for episode in load_dataset(dataset.dataset_id).episodes}
    return selector, [complete[episode.episode_id] for episode in episodes]


def _dynamics(
    config: DictConfig,
    checkpoint: Checkpoint,
    dataset: OfflineDataset,
    env_id: str,
    options: Mapping[str, Any],
) -> WorldModelDynamics:
    return load_dynamics(
        checkpoint,
        dataset,
        env_id=env_id,
        environment_options=options,
        task=instantiate(config.get("task")),
        # Without a policy nobody needs to see what the environment shows, and the model need not observe all of it.
        observation="raw" if config.policies else "selected",
        context=0,
        # Rollouts start from states of their own.
        num_start_states=1,
        deterministic=config.deterministic,
        device=config.device,
    )


def _policies(config: DictConfig, dynamics: WorldModelDynamics) -> dict[str, Agent]:
    """By the names that the user gives, else by those of their files."""

    def load(patterns: Sequence[str]) -> dict[str, Agent]:
        return load_policy_files(
            patterns,
            dynamics.observation_space,
            dynamics.action_space,
            algorithm=config.algorithm,
            trust_pickle=config.trust_pickle,
            device=config.device,
        )

    if not config.policies:
        return {}
    if not isinstance(config.policies, DictConfig):
        return load([config.policies] if isinstance(config.policies, str) else list(config.policies))
    named = {}
    for name, pattern in config.policies.items():
        found = load([str(pattern)])
        if len(found) != 1:
            raise ConfigurationError(
                f"policies.{name!s}={pattern} is {len(found)} files ({', '.join(found)}): give one file a name, or a "
                "list of "
                "files without names"
            )
        named[str(name)] = next(iter(found.values()))
    return named


def _diagnose(
    config: DictConfig,
    checkpoint: Checkpoint,
    dynamics: WorldModelDynamics,
    environment: gymnasium.Env[Any, Any],
    starts: RecordedStarts,
    policies: Mapping[str, Agent],
    seconds: Seconds,
    console: Console,
) -> ModelDiagnosis:
    diagnoser = ModelDiagnoser(
        dynamics,
        environment,
        starts,
        None if checkpoint.recalibration is None else checkpoint.recalibration.to(config.device),
        task_rewards=config.get("task") is not None,
        seed=config.seed,
    )
    with console.status(f"{len(starts.actions)} rollouts of {config.horizon} steps from each source of actions"):
        diagnosis = diagnoser.diagnose(policies, random=config.random, quantiles=tuple(config.quantiles))
    seconds |= {"imagining": diagnoser.times.imagining, "simulating": diagnoser.times.simulating}
    return diagnosis


def _print(diagnosis: ModelDiagnosis, title: str, console: Console) -> None:
    console.print(make_table(*step_error_table(diagnosis), f"errors by step: {title}", left=2))
    console.print(make_table(*return_table(diagnosis), f"sum of rewards over {diagnosis.horizon} steps"))
    if diagnosis.kinds:
        title = "rank correlation (Spearman) of uncertainty and true error"
        console.print(make_table(*rank_table(diagnosis), title, left=2))
    for kind in diagnosis.kinds:
        title = f"stops by {kind} uncertainty: steps kept, their error of states"
        console.print(make_table(*cut_table(diagnosis, kind), title))
    for sentence in describe_findings(diagnosis):
        console.print(sentence)
    console.print(describe_replay(diagnosis), style="" if is_replayed(diagnosis) else "bold red")


def _write(
    config: DictConfig, diagnosis: ModelDiagnosis, facts: Mapping[str, Any], seconds: Seconds, console: Console
) -> None:
    told = {name.replace("_", " "): str(value) for name, value in facts.items()}
    told["policies"] = ", ".join(diagnosis.sources)
    with _timed(seconds, "drawing"):
        report = write_diagnosis_report(run_folder(), diagnosis, {**told, **_told(seconds)})
    numbers = write_result("diagnose.json", {**facts, **diagnosis.to_json(), "seconds": seconds}, config)
    for name, text in _told(seconds).items():
        console.print(f"{name}: {text}")
    print_files(console, numbers=numbers, report=report)


def _told(seconds: Seconds) -> dict[str, str]:
    return {"seconds": ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())}


@contextmanager
def _timed(seconds: Seconds, part: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[part] = time.perf_counter() - began


if __name__ == "__main__":
    main()
