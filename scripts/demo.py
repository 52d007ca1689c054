"""mts3-demo: from nothing to a planning agent, on a maze, in one command."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import hydra
import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mbrl_mts3.agents import Agent, EvaluatedEpisode, EvaluationResult, MPCAgent, RandomAgent, evaluate_agent
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.agents.collection.recording import collection_options
from mbrl_mts3.data import Episode, ObservationSelector, OfflineDataset, load_minari, split_episodes
from mbrl_mts3.envs import episodic_options
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.envs.tasks import PointMazeTask
from mbrl_mts3.metrics import OpenLoopResult, OpenLoopWindow, evaluate_open_loop
from mbrl_mts3.reporting import ControlResult, DemoResults, MazeLayout, MazePath, write_demo_report
from mbrl_mts3.scripts.command_line import lists_choices, reports_errors
from mbrl_mts3.training import Checkpoint, WorldModelTrainer, keep_freed_memory

DATASET_ID = "mbrl-mts3/point_maze_umaze/waypoint-v0"
DESCRIPTIONS = {
    "shaped": "plans with the learned model and is rewarded for progress along the shortest way through the maze map.",
    "straight": "plans with the same model and is rewarded for the straight distance to the goal, walls or not.",
    "random": "draws each action at random.",
}


@lists_choices
@hydra.main(version_base="1.3", config_path="pkg://mbrl_mts3.configs", config_name="demo")
@reports_errors
def main(config: DictConfig) -> None:
    """Run all stages and end with a summary."""
    torch.set_num_threads(config.threads)
    keep_freed_memory()
    folder = Path(HydraConfig.get().runtime.output_dir)
    # The demo's data stays with the demo, not among the user's data sets.
    os.environ["MINARI_DATASETS_PATH"] = str(folder / "minari")
    stages = _Stages(Console())
    with stages.stage("collect", f"collecting {config.steps:,} steps in {config.environment.id}"):
        dataset = _collect(config)
    with stages.stage("train", f"training MTS3 ({config.training.max_steps:,} updates)"):
        checkpoint = _train(config, dataset, folder)
    test = split_episodes(dataset.episodes, checkpoint.split_fractions, checkpoint.split_seed).test
    with stages.stage("evaluate", f"predicting {config.horizon} steps blind on {len(test)} test episodes"):
        scores = _open_loop(config, checkpoint, test)
    evaluations = {}
    for name in DESCRIPTIONS:
        with stages.stage(name, f"acting: {config.episodes} episodes, {name}"):
            evaluations[name] = _act(config, checkpoint, name)
    results = _results(config, dataset, checkpoint, test, scores, evaluations, stages.seconds)
    report = write_demo_report(folder, results)
    _summarise(stages.console, results, report)


class _Stages:
    """Says what goes on and keeps the time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        self.console.rule(f"[bold]{title}", align="left")
        begin = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - begin
        self.console.print(f"{name}: {self.seconds[name]:.0f} s")


def _collect(config: DictConfig) -> OfflineDataset:
    environment = partial(instantiate, config.environment, **collection_options(config.environment.id))
    collect_dataset(
        environment, instantiate(config.behaviour), config.steps, DATASET_ID, seed=config.seed, overwrite=True
    )
    return load_minari(DATASET_ID)


def _train(config: DictConfig, dataset: OfflineDataset, folder: Path) -> Checkpoint:
    trainer: WorldModelTrainer = instantiate(config.training, _convert_="all")
    return trainer.fit(dataset, instantiate(config.model, _convert_="all"), folder / "model")


def _open_loop(config: DictConfig, checkpoint: Checkpoint, test: Sequence[Episode]) -> OpenLoopResult:
    with torch.inference_mode():
        return evaluate_open_loop(
            checkpoint.model, checkpoint.normalizer, test, context=config.context, horizon=config.horizon
        )


def _environment(config: DictConfig) -> gymnasium.Env[Any, Any]:
    made: gymnasium.Env[Any, Any] = instantiate(config.environment, **episodic_options(config.environment.id))
    return made


def _act(config: DictConfig, checkpoint: Checkpoint, name: str) -> EvaluationResult:
    seeds = range(config.first_seed, config.first_seed + config.episodes)
    finished = iter(track(seeds, description=name))
    next(finished)

    def advance(episode: EvaluatedEpisode) -> None:
        next(finished, None)

    return evaluate_agent(
        _agent(config, checkpoint, name),
        partial(_environment, config),
        seeds,
        record=True,
        on_episode=advance,
    )


def _agent(config: DictConfig, checkpoint: Checkpoint, name: str) -> Agent:
    if name == "random":
        return RandomAgent(checkpoint.action_space, seed=config.seed)
    environment = _environment(config)
    task = PointMazeTask(name).prepare(environment)
    environment.close()
    bounds = (torch.as_tensor(bound) for bound in (checkpoint.action_space.low, checkpoint.action_space.high))
    planner = instantiate(config.planners, _partial_=True)(*bounds)
    return MPCAgent(checkpoint.physical_model(), planner, task, checkpoint.selector, seed=config.seed)


def _results(
    config: DictConfig,
    dataset: OfflineDataset,
    checkpoint: Checkpoint,
    test: Sequence[Episode],
    scores: OpenLoopResult,
    evaluations: dict[str, EvaluationResult],
    seconds: dict[str, float],
) -> DemoResults:
    environment = _environment(config)
    maze = MazeMap.from_environment(environment)
    max_steps = environment.spec.max_episode_steps if environment.spec is not None else None
    environment.close()
    model, normalizer = checkpoint.model, checkpoint.normalizer
    shown = max(evaluations["shaped"].episodes, key=lambda episode: (episode.success, len(episode)))
    with torch.inference_mode():
        window = OpenLoopWindow.predict(
            model, normalizer, test, scores.typical_window, context=config.context, horizon=config.horizon
        )
        rollout = _imagined(model, checkpoint, shown)
    return DemoResults(
        environment_id=config.environment.id,
        dataset_id=dataset.dataset_id,
        content_hash=dataset.content_hash,
        dataset_episodes=len(dataset.episodes),
        dataset_steps=dataset.total_steps,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        max_steps=max_steps or max(len(episode) for episode in dataset.episodes),
        observation_names=dataset.observation_names,
        open_loop=scores,
        window=window,
        maze=MazeLayout(maze.walls, maze.cell_size),
        shaped=_control("MPC, shaped reward", "shaped", evaluations),
        straight=_control("MPC, straight distance", "straight", evaluations),
        random=_control("Random policy", "random", evaluations),
        rollout=rollout,
        rollout_goal=shown.observations["desired_goal"][-1],
        seconds=seconds,
    )


def _imagined(model: Any, checkpoint: Checkpoint, recorded: EvaluatedEpisode) -> OpenLoopWindow:
    """The model's blind prediction of a recorded episode, after its first steps."""
    context = max(1, min(10, len(recorded) // 3))
    episode = _as_episode(recorded, checkpoint.selector)
    return OpenLoopWindow.predict(
        model, checkpoint.normalizer, [episode], 0, context=context, horizon=len(recorded) + 1 - context
    )


def _as_episode(recorded: EvaluatedEpisode, selector: ObservationSelector) -> Episode:
    nothing = np.zeros(len(recorded), dtype=bool)
    return Episode(
        selector(recorded.observations),
        recorded.actions.astype(np.float32),
        recorded.rewards.astype(np.float32),
        nothing,
        nothing,
    )


def _control(title: str, name: str, evaluations: dict[str, EvaluationResult]) -> ControlResult:
    result = evaluations[name]
    return ControlResult(
        name=title,
        description=DESCRIPTIONS[name],
        success_rate=result.success_rate or 0.0,
        success_interval=result.success_interval or (0.0, 1.0),
        episodes=len(result.seeds),
        mean_steps=float(result.lengths.mean()),
        ms_per_action=None if name == "random" else result.seconds_per_action * 1e3,
        rollouts=tuple(_rollout(episode) for episode in result.episodes),
    )


def _rollout(episode: EvaluatedEpisode) -> MazePath:
    observations = episode.observations
    return MazePath(observations["achieved_goal"], observations["desired_goal"][0], bool(episode.success))


def _summarise(console: Console, results: DemoResults, report: Path) -> None:
    model = results.summary()["model"]
    errors = Table(title="prediction error (NRMSE) on test episodes, by blind steps")
    for column in ("steps ahead", "MTS3", "last observation repeated", "training mean", "95% interval covers"):
        errors.add_column(column, justify="right")
    for horizon, error in model["nrmse"].items():
        references = (model[key][horizon] for key in ("nrmse_persistence", "nrmse_training_mean"))
        errors.add_row(
            str(horizon),
            f"{error:.3f}",
            *(f"{value:.3f}" for value in references),
            f"{model['coverage95'][horizon]:.0%}",
        )
    console.print(errors)
    control = Table(title=f"{results.environment_id}: goals reached in {results.max_steps} steps")
    for column in ("policy", "success", "95% interval", "steps", "ms per action"):
        control.add_column(column, justify="left" if column == "policy" else "right")
    for policy in results.policies:
        low, high = policy.success_interval
        milliseconds = "-" if policy.ms_per_action is None else f"{policy.ms_per_action:.0f}"
        control.add_row(
            policy.name,
            f"{policy.success_rate:.0%}",
            f"{low:.0%} to {high:.0%}",
            f"{policy.mean_steps:.0f}",
            milliseconds,
        )
    console.print(control)
    console.print(f"{sum(results.seconds.values()):.0f} s in all; report: {report}")


if __name__ == "__main__":
    main()
