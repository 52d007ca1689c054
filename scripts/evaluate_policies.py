"""mts3-evaluate-policies: what policies are worth by a trained model, and how far that agrees with real episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mbrl_mts3.agents.imagined_evaluation import evaluate_policy
from mbrl_mts3.agents.policy_files import load_policy_files
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import PolicyRanking, PolicyValue
from mbrl_mts3.metrics.confidence_intervals import Interval
from mbrl_mts3.reporting import policy_value_figure, save_figure
from mbrl_mts3.scripts.command_line import choose_environment, command
from mbrl_mts3.scripts.command_line.console import make_console, make_table, print_files, run_folder, write_result
from mbrl_mts3.scripts.command_line.evaluation_options import uncertainty_options
from mbrl_mts3.training import Checkpoint, checkpoint_dataset
from mbrl_mts3.wording import counted


@command("evaluate_policies")
def main(config: DictConfig) -> None:
    """Load model and policies, imagine, ask the real environment where wanted, print and write what came of it."""
    console = make_console()
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    seeds = _real_seeds(config, checkpoint)
    dataset = checkpoint_dataset(checkpoint, config.dataset_id, download=config.download)
    env_id, options = _environment(config, checkpoint, console)
    dynamics = _dynamics(config, checkpoint, dataset, options)
    policies = load_policy_files(
        list(config.policies),
        dynamics.observation_space,
        dynamics.action_space,
        algorithm=config.algorithm,
        trust_pickle=config.trust_pickle,
        normalization=config.normalization,
        random=config.random,
        noise=dict(config.noise or {}),
        seed=config.seed,
        device=config.device,
    )
    make = None if env_id is None else partial(make_environment, env_id, **options)
    values = []
    for name, agent in policies.items():
        told = Text(
            f"{name}: imagining {counted(config.imagined.episodes, 'episode')}, then {counted(len(seeds), 'real one')}"
        )
        with console.status(told):
            value = evaluate_policy(
                name,
                agent,
                dynamics,
                make if seeds else None,
                episodes=config.imagined.episodes,
                horizon=config.max_episode_steps,
                discount=config.discount,
                seed=config.seed,
                real_seeds=seeds,
                num_envs=config.num_envs,
            )
        values.append(value)
    _report(config, checkpoint, dataset, values, console)


def _real_seeds(config: DictConfig, checkpoint: Checkpoint) -> range:
    """What is wrong with the real environment's part is found here, before any work."""
    if config.real.episodes < 0 or config.imagined.episodes < 1:
        raise ConfigurationError(
            f"expected real.episodes >= 0 and imagined.episodes >= 1, got {config.real.episodes} and "
            f"{config.imagined.episodes}"
        )
    if config.real.episodes and checkpoint.env_id is None:
        raise ConfigurationError("the model's data names no environment, so there are no real returns: real.episodes=0")
    return range(config.first_seed, config.first_seed + config.real.episodes)


def _environment(config: DictConfig, checkpoint: Checkpoint, console: Console) -> tuple[str | None, dict[str, Any]]:
    """That of the data, which may name none where the reward is learned."""
    return (None, {}) if checkpoint.env_id is None else choose_environment(config, checkpoint, console)


def _dynamics(
    config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset, options: Mapping[str, Any]
) -> WorldModelDynamics:
    return load_dynamics(
        checkpoint,
        dataset,
        instantiate(config.get("task")),
        environment_options=options,
        starts=config.starts,
        context=config.context,
        start_seed=config.seed,
        deterministic=config.deterministic,
        **uncertainty_options(config),
        device=config.device,
    )


def _rankings(values: Sequence[PolicyValue]) -> dict[str, PolicyRanking]:
    """Against real returns of the same kind, and against whole episodes where these are something else."""
    real = [value.value for value in values if value.value is not None]
    whole = [value.whole_value for value in values if value.whole_value is not None]
    if len(values) < 2 or len(real) < len(values):
        return {}
    estimates = [value.estimate for value in values]
    rankings = {"same steps": PolicyRanking.from_values(estimates, real)}
    if whole != real:
        rankings["whole episodes"] = PolicyRanking.from_values(estimates, whole)
    return rankings


def _report(
    config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset, values: Sequence[PolicyValue], console: Console
) -> None:
    model, rankings = type(checkpoint.model).__name__, _rankings(values)
    console.print(_value_table(values, f"{model}, data {dataset.dataset_id}"))
    if rankings:
        console.print(_ranking_table(rankings))
    written: dict[str, Any] = {
        "checkpoint": str(config.checkpoint),
        "model": model,
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "policies": [value.to_json() for value in values],
        "rankings": {name: ranking.to_json() for name, ranking in rankings.items()},
    }
    print_files(console, numbers=write_result("policies.json", written, config))
    if values[0].value is not None:
        figure = policy_value_figure(values, f"Policies in {model} and in {checkpoint.env_id}")
        print_files(console, figure=save_figure(figure, run_folder() / "policies.png"))


def _value_table(values: Sequence[PolicyValue], title: str) -> Table:
    columns = ["estimate (95% interval)"]
    if values[0].value is not None:
        columns += ["real return (95% interval)"]
    whole = any(value.whole_value != value.value for value in values)
    rows = []
    for value in sorted(values, key=lambda value: value.estimate, reverse=True):
        row = [value.name, _number(value.estimate, value.interval)]
        if value.value is not None and value.value_interval is not None:
            row += [_number(value.value, value.value_interval)]
        rows.append([*row, *([f"{value.whole_value:.4g}"] if whole else [])])
    return make_table(["policy", *columns, *["whole episodes"] * whole], rows, title)


def _number(value: float, interval: Interval) -> str:
    return f"{value:.4g} ({interval[0]:.4g} to {interval[1]:.4g})"


def _ranking_table(rankings: dict[str, PolicyRanking]) -> Table:
    rows = {
        "rank correlation (Spearman)": "rank_correlation",
        "correlation (Pearson)": "correlation",
        "regret@1": "regret",
        "regret@1, share of the range": "normalised_regret",
        "mean absolute error": "mean_absolute_error",
    }
    cells = [[label, *(f"{getattr(one, name):.4g}" for one in rankings.values())] for label, name in rows.items()]
    return make_table(["", *rankings], cells, "estimates against real returns")


if __name__ == "__main__":
    main()
