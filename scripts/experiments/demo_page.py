"""The page of the demo: prediction and planning on a maze, out of what its stages left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from mbrl_mts3.agents import EvaluatedEpisode
from mbrl_mts3.agents.recorded_episodes import EPISODES_FILE, load_episodes
from mbrl_mts3.data import Episode, ObservationSelector
from mbrl_mts3.envs import episodic_options
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.metrics import OpenLoopResult, OpenLoopWindow, evaluate_open_loop
from mbrl_mts3.reporting import ControlResult, DemoResults, MazeLayout, MazePath, write_demo_report
from mbrl_mts3.scripts.experiments.running import StageResult
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits

POLICIES = {
    "shaped": (
        "MPC, shaped reward",
        "plans with the learned model and is rewarded for progress along the shortest path through the maze map.",
    ),
    "straight": (
        "MPC, straight distance",
        "plans with the same model and is rewarded for the straight distance to the goal, walls or not.",
    ),
    "random": ("Random policy", "samples each action uniformly."),
}
"""Title and description by the names of the stages that act."""


def write_demo_page(folder: Path, results: Sequence[StageResult]) -> dict[str, Any]:
    """Write report, figures and animation; returns the numbers that the summary gets besides."""
    by_name = {result.stage.name: result for result in results}
    checkpoint = Checkpoint.from_pretrained(by_name["train"].folder / "best")
    demo = _results(checkpoint, by_name)
    write_demo_report(folder, demo)
    return demo.summary()


def _results(checkpoint: Checkpoint, results: dict[str, StageResult]) -> DemoResults:
    dataset = checkpoint_dataset(checkpoint, None)
    test = checkpoint_splits(checkpoint, dataset).test
    options = results["evaluate"].record["options"]
    environment = _environment(results["shaped"])
    maze = MazeMap.from_environment(environment)
    max_episode_steps = environment.spec.max_episode_steps if environment.spec is not None else None
    environment.close()
    model, normalizer = checkpoint.model, checkpoint.normalizer
    controls = {name: _control(name, results[name]) for name in POLICIES}
    shown = max(load_episodes(results["shaped"].folder / EPISODES_FILE), key=lambda one: (one.success, len(one)))
    with torch.inference_mode():
        scores: OpenLoopResult = evaluate_open_loop(
            model, normalizer, test, context=options["context"], horizon=options["horizon"]
        )
        window = OpenLoopWindow.predict(
            model, normalizer, test, scores.typical_window, context=options["context"], horizon=options["horizon"]
        )
        rollout = _imagined(checkpoint, shown)
    return DemoResults(
        environment_id=results["shaped"].record["options"]["environment"]["id"],
        dataset_id=dataset.dataset_id,
        content_hash=dataset.content_hash,
        dataset_episodes=len(dataset.episodes),
        dataset_steps=dataset.total_steps,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        max_episode_steps=max_episode_steps or max(len(episode) for episode in dataset.episodes),
        observation_names=dataset.observation_names,
        open_loop=scores,
        window=window,
        maze=MazeLayout(maze.walls, maze.cell_size),
        **controls,
        rollout=rollout,
        rollout_goal=shown.observations["desired_goal"][-1],
        seconds={name: float(result.record["seconds"]) for name, result in results.items()},
    )


def _environment(result: StageResult) -> gymnasium.Env[Any, Any]:
    node = OmegaConf.create(result.record["options"]["environment"])
    made: gymnasium.Env[Any, Any] = instantiate(node, **episodic_options(node.id))
    return made


def _imagined(checkpoint: Checkpoint, recorded: EvaluatedEpisode) -> OpenLoopWindow:
    """The model's open-loop prediction of a recorded episode, after its first steps."""
    context = max(1, min(10, len(recorded) // 3))
    episode = _as_episode(recorded, checkpoint.selector)
    return OpenLoopWindow.predict(
        checkpoint.model, checkpoint.normalizer, [episode], 0, context=context, horizon=len(recorded) + 1 - context
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


def _control(name: str, result: StageResult) -> ControlResult:
    title, description = POLICIES[name]
    plan = result.folder / "plan.json"
    written = json.loads((plan if plan.is_file() else result.folder / "rollout.json").read_text())
    found = written["result"] if "result" in written else written["rollouts"][0]
    return ControlResult(
        name=title,
        description=description,
        success_rate=found["success_rate"] or 0.0,
        success_interval=tuple(found["success_interval"] or (0.0, 1.0)),
        episodes=found["episodes"],
        mean_steps=float(np.mean(found["lengths"])),
        ms_per_action=None if name == "random" else found["ms_per_action"],
        rollouts=tuple(maze_path(episode) for episode in load_episodes(result.folder / EPISODES_FILE)),
    )


def maze_path(episode: EvaluatedEpisode) -> MazePath:
    """The way through a maze in a recorded episode, with its first goal."""
    observations = episode.observations
    return MazePath(observations["achieved_goal"], observations["desired_goal"][0], bool(episode.success))
