"""mts3-offline: learn a policy from an offline data set alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.wrappers import FlattenObservation
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.evaluation import EvaluationResult, evaluate_agent
from mbrl_mts3.agents.nested_observations import is_nested
from mbrl_mts3.agents.offline import OfflineRecord, train_offline
from mbrl_mts3.agents.offline.replay_buffer import find_policy_space, flatten_dataset
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs import check_environment_spaces, make_environment
from mbrl_mts3.envs.tasks import default_task
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import claim_folder
from mbrl_mts3.scripts.command_line import command, describe_environment, read_environment
from mbrl_mts3.scripts.command_line.console import make_console, print_files, progress_bar, run_folder


@command("offline")
def main(config: DictConfig) -> None:
    """Load the data, learn, say where the policy lies."""
    console = make_console()
    dataset: OfflineDataset = instantiate(config.data)
    flat = config.flat_observations or is_nested(dataset.observation_space)
    if flat:
        dataset = flatten_dataset(dataset)
    # What policies cannot take is told before the work begins.
    find_policy_space(dataset)
    console.print(dataset)
    folder = Path(config.resume or run_folder())
    evaluate = _evaluation(config, dataset, console, flat=flat) if config.evaluation.episodes else None
    with claim_folder(folder), progress_bar(console, "updates", config.steps) as advance:
        learner, record = train_offline(
            dataset,
            instantiate(config.offline_algorithm, device=config.device),
            folder,
            steps=config.steps,
            batch_size=config.batch_size,
            seed=config.seed,
            evaluation_interval=config.evaluation.interval,
            save_interval=config.save_interval,
            evaluate=evaluate,
            options=_options(config, flat=flat),
            resume=config.resume is not None,
            on_updates=advance,
            on_report=lambda row: console.print(_line(row), soft_wrap=True),
        )
    console.print(_summary(record))
    print_files(console, **{f"policy after {learner.updates:,} updates": folder / "policy.zip"})


def _options(config: DictConfig, *, flat: bool) -> dict[str, Any]:
    """What the policy depends on beside the data."""
    chosen: Any = OmegaConf.to_container(config.offline_algorithm, resolve=True)
    options = {name: value for name, value in chosen.items() if not name.startswith("_")}
    shown = {"flat_observations": True} if flat else {}
    return {**shown, "algorithm": HydraConfig.get().runtime.choices["offline_algorithm"], **options}


def _evaluation(
    config: DictConfig, dataset: OfflineDataset, console: Console, *, flat: bool
) -> Callable[[Agent], EvaluationResult]:
    """The agent in the real environment of the data, which is found to fit here."""
    if dataset.env_id is None:
        raise ConfigurationError(
            f"{dataset.dataset_id} names no environment to evaluate in: set evaluation.episodes=0, and use mts3-rollout"
        )
    _, options = read_environment(None, config.environment_options, dataset.env_id, dataset.env_options)
    console.print(describe_environment(dataset.env_id, options, dataset.env_options), soft_wrap=True)
    plain: Callable[[], gymnasium.Env[Any, Any]] = partial(make_environment, dataset.env_id, **options)
    make = (lambda: FlattenObservation(plain())) if flat else plain
    environment = make()
    check_environment_spaces(dataset.observation_space, dataset.action_space, environment)
    environment.close()
    first, count = config.evaluation.first_seed, config.evaluation.episodes
    success = default_task(dataset.env_id).success
    return lambda agent: evaluate_agent(
        agent, make, range(first, first + count), num_envs=config.evaluation.num_envs, success=success
    )


def _line(row: Mapping[str, Any]) -> str:
    shown = [f"{name} {value:.4g}" for name, value in row.items() if isinstance(value, float) and name != "seconds"]
    return f"{row['updates']:>9,} updates, {row['seconds']:.0f} s: {', '.join(shown)}"


def _summary(record: OfflineRecord) -> str:
    return f"{record.updates / record.seconds:.0f} updates per second" if record.seconds else "nothing to do"


if __name__ == "__main__":
    main()
