"""mts3-plan: how well planning with a trained model does in the real environment."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from mbrl_mts3.agents.evaluation import EvaluationResult, evaluate_agent
from mbrl_mts3.agents.mpc import MPCAgent, load_mpc
from mbrl_mts3.agents.recorded_episodes import EPISODES_FILE, save_episodes
from mbrl_mts3.envs import make_environment
from mbrl_mts3.scripts.command_line import choose_environment, command
from mbrl_mts3.scripts.command_line.console import make_console, make_facts, print_files, progress_bar, write_result
from mbrl_mts3.training import Checkpoint, keep_freed_memory


@command("plan")
def main(config: DictConfig) -> None:
    """Load a checkpoint, plan in the environment, print and write what came of it."""
    keep_freed_memory()
    console = make_console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    env_id, options = choose_environment(config, checkpoint, console)
    make = partial(make_environment, env_id, **options)
    agent = _agent(config, checkpoint, make)
    result = _evaluate(config, agent, make, console)
    console.print(_table(env_id, result))
    written = {
        "trained_on": {"dataset_id": checkpoint.dataset_id, "content_hash": checkpoint.content_hash},
        "environment": {"id": env_id, **options},
        "result": result.to_json(),
    }
    path = write_result("plan.json", written, config)
    print_files(console, numbers=path)
    if config.record:
        print_files(console, episodes=save_episodes(path.with_name(EPISODES_FILE), result.episodes))


def _agent(config: DictConfig, checkpoint: Checkpoint, make: Callable[[], gymnasium.Env[Any, Any]]) -> MPCAgent:
    """The planning agent; all that can be wrong with the options is found here, before any episode."""
    environment = make()
    agent = load_mpc(
        environment,
        checkpoint,
        instantiate(config.planner, _partial_=True),
        instantiate(config.task),
        precision=config.precision,
        device=config.device,
        discount=config.discount,
        uncertainty=config.uncertainty,
        value=instantiate(config.value) if config.get("value") else None,
        seed=config.seed,
    )
    environment.close()
    return agent


def _evaluate(
    config: DictConfig, agent: MPCAgent, make: Callable[[], gymnasium.Env[Any, Any]], console: Console
) -> EvaluationResult:
    with progress_bar(console, "episodes", config.episodes) as advance:
        return evaluate_agent(
            agent,
            make,
            range(config.first_seed, config.first_seed + config.episodes),
            max_episode_steps=config.max_episode_steps,
            parallel=config.parallel,
            success=agent.task.success,
            record=config.record,
            on_episode=lambda episode: advance(),
        )


def _table(env_id: str, result: EvaluationResult) -> Table:
    low, high = result.return_interval
    # One episode has none.
    interval = f"  (95% interval {low:.4g} to {high:.4g})" if math.isfinite(low) else ""
    facts = {"return": f"{result.mean_return:.4g}{interval}"}
    if result.success_rate is not None and result.success_interval is not None:
        low, high = result.success_interval
        facts["success rate"] = f"{result.success_rate:.1%}  (95% interval {low:.1%} to {high:.1%})"
    facts["steps"] = f"{result.lengths.mean():.1f} on average, {result.lengths.max()} at most"
    together = f"{result.parallel} environments together" if result.parallel > 1 else "one environment at a time"
    facts["ms per action"] = f"{result.seconds_per_action * 1e3:.1f}  ({together})"
    facts["ms per decision"] = f"{result.seconds_per_decision * 1e3:.1f}"
    return make_facts(facts, f"{env_id}, {len(result.seeds)} episodes")


if __name__ == "__main__":
    main()
