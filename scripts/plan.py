"""mts3-plan: how well planning with a trained model does in the real environment."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from mbrl_mts3.agents.evaluation import EvaluationResult, evaluate_agent
from mbrl_mts3.agents.planning.mpc import MPCAgent, load_mpc
from mbrl_mts3.agents.planning.plan_records import PlanRecorder, compare_values
from mbrl_mts3.agents.planning.rehearsal import rehearse_planning
from mbrl_mts3.agents.recorded_episodes import EPISODES_FILE, save_episodes
from mbrl_mts3.data.masking import MissingObservations
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.envs.rendering import make_rendered_environment
from mbrl_mts3.metrics import PlannedValues
from mbrl_mts3.reporting import MazeLayout, MazePath, PlannedPath, write_planning_report
from mbrl_mts3.scripts.command_line import choose_environment, command
from mbrl_mts3.scripts.command_line.console import (
    make_console,
    make_facts,
    print_files,
    progress_bar,
    run_folder,
    write_result,
)
from mbrl_mts3.scripts.command_line.films import write_film
from mbrl_mts3.training import Checkpoint, keep_freed_memory
from mbrl_mts3.wording import counted

# Episodes whose plans are drawn on the map of a maze, and plans of each.
_DRAWN_EPISODES = 3
_DRAWN_PLANS = 8


@command("plan")
def main(config: DictConfig) -> None:
    """Load a checkpoint, plan in the environment, print and write what came of it."""
    keep_freed_memory()
    console = make_console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    env_id, options = choose_environment(config, checkpoint, console)
    make = partial(make_environment, env_id, **options)
    missing = MissingObservations(**config.missing)
    with closing(make()) as environment:
        agent = _agent(config, checkpoint, environment)
        maze = _maze(environment, agent)
    camera = make_rendered_environment(make, env_id) if config.film else None
    plans = PlanRecorder(
        agent, imagine_first=_DRAWN_EPISODES if maze else 0, imagine_every=max(1, agent.planner.horizon // 2)
    )
    result = _evaluate(config, agent, make, plans, missing, console)
    values = compare_values(agent, result.episodes, [plans.values[place] for place in range(len(result.seeds))])
    facts = _facts(result, values)
    if missing.rate:
        facts["observations missing"] = f"{missing.rate:.1%}, in bursts of {counted(missing.burst, 'step')}"
    console.print(make_facts(facts, f"{env_id}, {counted(len(result.seeds), 'episode')}"))
    written = {
        "trained_on": {"dataset_id": checkpoint.dataset_id, "content_hash": checkpoint.content_hash},
        "environment": {"id": env_id, **options},
        "task": agent.task.name,
        "missing": asdict(missing),
        "result": result.to_json(),
        "planned": {**values.to_json(), **plans.summary()},
    }
    files = {"numbers": write_result("plan.json", written, config)}
    if config.record:
        files["episodes"] = save_episodes(run_folder() / EPISODES_FILE, result.episodes)
    if camera is not None:
        with closing(camera):
            files["film"] = write_film(run_folder() / "film.gif", agent, camera, config.first_seed, config.film_steps)
    files["report"] = write_planning_report(
        run_folder(),
        f"Planning in {env_id}",
        facts,
        {"checkpoint": str(config.checkpoint), **_options(config)},
        values,
        maze=maze,
        paths=_paths(agent, result, plans) if maze else (),
        film=files.get("film"),
    )
    print_files(console, **files)


def _agent(config: DictConfig, checkpoint: Checkpoint, environment: gymnasium.Env[Any, Any]) -> MPCAgent:
    """The planning agent; all that can be wrong with the options is found here, before any episode."""
    agent = load_mpc(
        environment,
        checkpoint,
        instantiate(config.planner, _partial_=True),
        instantiate(config.task) if config.get("task") else None,
        precision=config.precision,
        device=config.device,
        discount=config.discount,
        uncertainty=config.uncertainty,
        value=instantiate(config.value) if config.get("value") else None,
        proposal=instantiate(config.proposal) if config.get("proposal") else None,
        noise=instantiate(config.noise) if config.get("noise") else None,
        seed=config.seed,
    )
    together = max(1, min(config.num_envs, config.episodes))
    rehearse_planning(agent, environment, seed=config.first_seed, num_envs=together)
    return agent


def _evaluate(
    config: DictConfig,
    agent: MPCAgent,
    make: Callable[[], gymnasium.Env[Any, Any]],
    plans: PlanRecorder,
    missing: MissingObservations,
    console: Console,
) -> EvaluationResult:
    with progress_bar(console, "episodes", config.episodes) as advance:
        return evaluate_agent(
            agent,
            make,
            range(config.first_seed, config.first_seed + config.episodes),
            max_episode_steps=config.max_episode_steps,
            num_envs=config.num_envs,
            success=agent.task.success,
            record=True,
            on_episode=lambda episode: advance(),
            on_decision=plans,
            missing=missing if missing.rate else None,
        )


def _maze(environment: gymnasium.Env[Any, Any], agent: MPCAgent) -> MazeLayout | None:
    """The walls of a maze whose positions the model sees; None elsewhere."""
    if not hasattr(environment.unwrapped, "maze") or not {"x", "y"} <= set(agent.selector.names):
        return None
    found = MazeMap.from_environment(environment)
    return MazeLayout(found.walls, found.cell_size)


def _paths(agent: MPCAgent, result: EvaluationResult, plans: PlanRecorder) -> list[PlannedPath]:
    columns = list(agent.selector.require(["x", "y"], "the figure of paths"))
    paths = []
    for place, imagined in sorted(plans.imagined.items()):
        episode = result.episodes[place]
        real = MazePath(
            agent.selector(episode.observations)[:, columns],
            np.asarray(episode.observations["desired_goal"])[0],
            bool(episode.success),
        )
        shown = list(imagined)[:: -(-len(imagined) // _DRAWN_PLANS)]
        paths.append(PlannedPath(real, {decision: imagined[decision][:, columns] for decision in shown}))
    return paths


def _options(config: DictConfig) -> dict[str, str]:
    """What was planned with, by the names of the options."""
    planner = {f"planner.{name}": value for name, value in config.planner.items() if name != "_target_"}
    kinds = {"planner": str(config.planner.get("_target_", "")).rpartition(".")[2], "discount": config.discount}
    value = config.value.get("_target_", "").rpartition(".")[2] if config.get("value") else "none"
    return {name: str(option) for name, option in {**kinds, **planner, "value": value}.items()}


def _facts(result: EvaluationResult, values: PlannedValues) -> dict[str, str]:
    """What came of the episodes, by name."""
    low, high = result.return_interval
    # One episode has none.
    interval = f"  (95% interval {low:.4g} to {high:.4g})" if math.isfinite(low) else ""
    facts = {"return": f"{result.mean_return:.4g}{interval}"}
    if result.success_rate is not None and result.success_interval is not None:
        low, high = result.success_interval
        facts["success rate"] = f"{result.success_rate:.1%}  (95% interval {low:.1%} to {high:.1%})"
    facts["steps"] = f"{result.lengths.mean():.1f} on average, {result.lengths.max()} at most"
    together = f"{result.num_envs} environments together" if result.num_envs > 1 else "one environment at a time"
    facts["ms per action"] = (
        f"{result.ms_per_action_quantile(0.5):.1f} median, {result.ms_per_action_quantile(0.95):.1f} 95th percentile "
        f"({together})"
    )
    facts["ms per decision"] = f"{result.seconds_per_decision * 1e3:.1f} on average"
    if len(values.planned):
        rank = "" if values.rank_correlation is None else f", rank correlation {values.rank_correlation:.2f}"
        facts["planned value"] = f"{values.planned.mean():.4g} on average over {counted(values.horizon, 'step')}"
        facts["realised value"] = f"{values.realised.mean():.4g} in the same steps{rank}"
    else:
        facts["planned value"] = f"not compared: no episode lasts the horizon of {counted(values.horizon, 'step')}"
    return facts


if __name__ == "__main__":
    main()
