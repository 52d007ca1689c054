"""mts3-rollout: how well agents do, in the real environment and in a learned model of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from mbrl_mts3.agents import Agent, evaluate_agent
from mbrl_mts3.agents.baselines import HoldLastObservation
from mbrl_mts3.agents.imagined_evaluation import evaluate_imagined
from mbrl_mts3.agents.planning.mpc import MPCAgent
from mbrl_mts3.agents.recorded_episodes import EPISODES_FILE, save_episodes
from mbrl_mts3.agents.rollout_report import HEADER, RolloutReport, RolloutResult
from mbrl_mts3.data.formats.reference_scores import ReferenceScores
from mbrl_mts3.data.masking import MissingObservations
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.rendering import make_rendered_environment, open_renderer
from mbrl_mts3.envs.tasks import default_task
from mbrl_mts3.envs.world_model import WorldModelDynamics, WorldModelEnv, load_dynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line import choose_environment, command
from mbrl_mts3.scripts.command_line.console import (
    make_console,
    make_table,
    print_files,
    progress_bar,
    run_folder,
    write_result,
)
from mbrl_mts3.scripts.command_line.evaluation_options import uncertainty_options
from mbrl_mts3.scripts.command_line.films import write_film
from mbrl_mts3.training import Checkpoint
from mbrl_mts3.wording import counted

Make = Callable[..., gymnasium.Env[Any, Any]]


@command("rollout")
def main(config: DictConfig) -> None:
    """Load agents and model, let them act, print a table, write JSON and films."""
    if not config.real.episodes and config.checkpoint is None:
        raise ConfigurationError("nothing to do: set real.episodes to at least 1, or checkpoint to a world model")
    console = make_console()
    folder = run_folder()
    checkpoint = None
    if config.checkpoint is not None:
        checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.imagined.device)
    env_id, options = choose_environment(config, checkpoint or _checkpoint_of_agent(config), console)
    make: Make = partial(make_environment, env_id, **options)
    missing = MissingObservations(**config.missing)
    agents = _agents(config, make)
    dataset_id, dynamics = _imagination(config, checkpoint, env_id, options)
    # Reference returns are those of whole episodes.
    reference = None if config.max_episode_steps else ReferenceScores.find(dataset_id, env_id)
    films = _cameras(config, make, env_id, options, dynamics, console) if config.films else {}
    rollouts = [
        rollout
        for name, agent in agents.items()
        for rollout in _rollouts(config, name, agent, make, env_id, dynamics, missing, console)
    ]
    report = RolloutReport(tuple(rollouts), reference)
    console.print(_table(env_id, report))
    if reference is not None:
        console.print(
            f"score 0 is a return of {reference.low:.6g}, 100 one of {reference.high:.6g}: {reference.source}"
        )
    written = {"environment": {"id": env_id, **options}, **report.to_json()}
    if checkpoint is not None:
        written["trained_on"] = {"dataset_id": checkpoint.dataset_id, "content_hash": checkpoint.content_hash}
    print_files(console, numbers=write_result("rollout.json", written, config))
    for path in _recorded(config, rollouts, folder):
        print_files(console, episodes=path)
    for path in _filmed(config, agents, films, folder):
        print_files(console, film=path)


def _agents(config: DictConfig, make: Make) -> dict[str, Agent]:
    """Agents by name; all that can be wrong with them is found here, before any episode."""
    environment = make()
    built = instantiate(config.agent)(environment)
    environment.close()
    return dict(built) if isinstance(built, Mapping) else {str(HydraConfig.get().runtime.choices["agent"]): built}


def _checkpoint_of_agent(config: DictConfig) -> Checkpoint | None:
    folder = config.agent.get("checkpoint")
    return None if folder is None else Checkpoint.from_pretrained(folder, config.agent.get("device", "cpu"))


def _imagination(
    config: DictConfig, checkpoint: Checkpoint | None, env_id: str, environment_options: Mapping[str, Any]
) -> tuple[str | None, WorldModelDynamics | None]:
    """The data set that rewards are measured by, and the imagined environment where there is one."""
    if checkpoint is None:
        return config.dataset_id, None
    dataset_id = config.dataset_id or checkpoint.dataset_id
    options = {key: value for key, value in config.imagined.items() if key != "episodes"}
    return dataset_id, load_dynamics(
        checkpoint,
        dataset_id,
        env_id=env_id,
        environment_options=environment_options,
        **uncertainty_options(config),
        **options,
    )


def _rollouts(
    config: DictConfig,
    name: str,
    agent: Agent,
    make: Make,
    env_id: str,
    dynamics: WorldModelDynamics | None,
    missing: MissingObservations,
    console: Console,
) -> Iterator[RolloutResult]:
    if config.real.episodes:
        with progress_bar(console, f"{name}, real episodes", config.real.episodes, transient=True) as advance:
            result = evaluate_agent(
                HoldLastObservation(agent) if missing.rate and not isinstance(agent, MPCAgent) else agent,
                make,
                range(config.first_seed, config.first_seed + config.real.episodes),
                max_episode_steps=config.max_episode_steps,
                num_envs=config.num_envs,
                success=default_task(env_id).success,
                record=config.record,
                on_episode=lambda episode: advance(),
                missing=missing if missing.rate else None,
            )
        yield RolloutResult(name, "real", result)
    if dynamics is not None:
        with console.status(f"{name}, {counted(config.imagined.episodes, 'imagined episode')}"):
            imagined = evaluate_imagined(
                agent, dynamics, config.imagined.episodes, seed=config.seed, max_episode_steps=config.max_episode_steps
            )
        yield RolloutResult(name, "imagined", imagined)


def _recorded(config: DictConfig, rollouts: Sequence[RolloutResult], folder: Path) -> Iterator[Path]:
    """Real episodes as files, one for each agent: episodes.npz where there is one agent only."""
    real = [rollout for rollout in rollouts if config.record and rollout.place == "real"]
    for rollout in real:
        name = EPISODES_FILE if len(real) == 1 else f"{rollout.agent.replace('/', '_')}_{EPISODES_FILE}"
        yield save_episodes(folder / name, rollout.result.episodes)


def _table(env_id: str, report: RolloutReport) -> Table:
    rows = report.table()
    # Columns that say nothing here are left out.
    shown = [place for place in range(len(HEADER)) if any(row[place] for row in rows)]
    cells = [[row[place] for place in shown] for row in rows]
    title = f"{env_id}; in brackets 95% intervals"
    return make_table([HEADER[place] for place in shown], cells, title, left=2)


def _cameras(
    config: DictConfig,
    make: Make,
    env_id: str,
    options: Mapping[str, Any],
    dynamics: WorldModelDynamics | None,
    console: Console,
) -> dict[str, gymnasium.Env[Any, Any]]:
    """Environments that render, by place; none, and a line that says why, where this machine cannot."""
    cameras: dict[str, gymnasium.Env[Any, Any]] = {}
    try:
        if config.real.episodes:
            cameras["real"] = make_rendered_environment(make, env_id)
        if dynamics is not None:
            renderer = open_renderer(
                lambda environment: dynamics.task.renderer(environment, dynamics.selector),
                env_id,
                **options,
            )
            cameras["imagined"] = WorldModelEnv(dynamics, renderer)
    except ConfigurationError as error:
        console.print(f"not all is filmed: {error}", style="yellow", soft_wrap=True)
    return cameras


def _filmed(
    config: DictConfig, agents: Mapping[str, Agent], cameras: Mapping[str, gymnasium.Env[Any, Any]], folder: Path
) -> Iterator[Path]:
    for place, environment in cameras.items():
        for name, agent in agents.items():
            for seed in range(config.first_seed, config.first_seed + config.films):
                path = folder / "films" / f"{name.replace('/', '_')}_{place}_{seed}.gif"
                yield write_film(path, agent, environment, seed, config.film_steps)
        environment.close()


if __name__ == "__main__":
    main()
