"""mts3-imagine: train a policy inside a world model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.wrappers import FlattenObservation
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.agents.imagination import (
    BranchedRollouts,
    BranchedTrainer,
    EpisodicTrainer,
    ImaginationTrainer,
    load_initial_parameters,
    oversample_episode_starts,
    train_in_imagination,
)
from mbrl_mts3.agents.imagination.training_loop import STATE_FILE
from mbrl_mts3.agents.nested_observations import is_nested
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import WorldModelDynamics, load_dynamics
from mbrl_mts3.errors import CheckpointError, ConfigurationError
from mbrl_mts3.files import claim_folder, write_json
from mbrl_mts3.models import Ensemble
from mbrl_mts3.scripts.command_line import command, describe_environment, read_environment
from mbrl_mts3.scripts.command_line.console import make_console, print_files, run_folder
from mbrl_mts3.scripts.command_line.evaluation_options import uncertainty_options
from mbrl_mts3.scripts.runs.provenance import describe_origin
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, keep_freed_memory

RESULT_FILE = "imagine.json"
_SAME_IN_DYNAMICS = ("context", "num_start_states", "max_episode_steps", "deterministic", "simulator", "device")
"""Options that `load_dynamics` has under the same names."""
# What may differ between a run and its continuation.
_FREE = {"rounds", "evaluation", "save_interval", "resume", "threads"}


@command("imagine")
def main(config: DictConfig) -> None:
    """Load model and data, train, say how it went; all that does not fit is found before training starts."""
    keep_freed_memory()
    console = make_console()
    folder = Path(config.resume or run_folder())
    checkpoint = Checkpoint.from_pretrained(config.checkpoint, config.device)
    if config.uncertainty.kind is None:
        config.uncertainty.kind = "epistemic" if isinstance(checkpoint.model, Ensemble) else "aleatoric"
    dataset = checkpoint_dataset(checkpoint, config.dataset_id)
    facts = _facts(config, checkpoint, dataset)
    if config.resume:
        _check_same(facts, folder)
    elif (folder / STATE_FILE).exists():
        raise ConfigurationError(f"{folder} holds a run already: take another folder, or go on (resume={folder})")
    told = describe_environment(*_environment(config, checkpoint), checkpoint.env_options)
    console.print(told, soft_wrap=True)
    stressed = oversample_episode_starts(
        dataset.episodes, config.oversample_starts.steps, config.oversample_starts.copies
    )
    learning = _learning(config, checkpoint, replace(dataset, episodes=tuple(stressed)))
    if config.initial_policy is not None:
        load_initial_parameters(learning.algorithm, config.initial_policy)
    judge = _Judge(config, checkpoint) if config.evaluation.episodes else None
    with claim_folder(folder):
        _write(folder, facts, [], None)
        curve = train_in_imagination(
            learning,
            config.rounds,
            folder,
            imitation_steps=config.imitation_steps,
            imitation_rate=config.imitation_rate,
            critic_steps=config.critic_steps,
            evaluate=judge,
            evaluation_interval=config.evaluation.interval,
            save_interval=config.save_interval,
            resume=bool(config.resume),
            on_round=lambda row: console.print(_line(row), highlight=False),
        )
        path = _write(folder, facts, curve, judge)
    print_files(console, policy=folder / "policy.zip", numbers=path)


def _learning(config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset) -> ImaginationTrainer:
    make = instantiate(config.policy, _partial_=True, _convert_="all", seed=config.seed, device=config.device)
    dynamics = _dynamics(config, checkpoint, dataset)
    shared = {
        "real_fraction": config.real_fraction,
        "steps_per_round": config.steps_per_round,
        "seed": config.seed,
    }
    if not config.branched:
        return EpisodicTrainer.from_episodes(
            make,
            dynamics,
            config.environments,
            dataset.episodes,
            actor_warmup_rounds=config.actor_warmup_rounds,
            **shared,
        )
    noise = config.policy.get("exploration", 0.0)
    rollouts = BranchedRollouts(dynamics, config.branches, config.branch_length, action_noise=noise)
    rounds = {
        name: config[name]
        for name in ("replay_rounds", "actor_warmup_rounds", "n_steps", "update_anchor", "actor_average_rounds")
    }
    return BranchedTrainer.from_episodes(make, rollouts, dataset.episodes, **rounds, **shared)


def _dynamics(config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset) -> WorldModelDynamics:
    env_id, environment_options = _environment(config, checkpoint)
    return load_dynamics(
        checkpoint,
        dataset,
        None if config.get("task") is None else instantiate(config.task),
        # None: that of the data, which may be unknown here.
        env_id=None if env_id == checkpoint.env_id else env_id,
        environment_options=environment_options,
        observation="flat" if _flat(config, checkpoint) else "raw",
        starts=config.starts or ("anywhere" if config.branched else "beginning"),
        start_seed=config.seed,
        **uncertainty_options(config),
        **{name: config[name] for name in _SAME_IN_DYNAMICS},
    )


def _environment(config: DictConfig, checkpoint: Checkpoint) -> tuple[str | None, dict[str, Any]]:
    return read_environment(
        config.get("environment"), config.environment_options, checkpoint.env_id, checkpoint.env_options
    )


def _flat(config: DictConfig, checkpoint: Checkpoint) -> bool:
    return bool(config.flat_observations) or is_nested(checkpoint.observation_space)


class _Judge:
    """Scores the present policy in the real environment and keeps the last scores."""

    def __init__(self, config: DictConfig, checkpoint: Checkpoint) -> None:
        env_id, environment_options = _environment(config, checkpoint)
        if env_id is None:
            raise ConfigurationError(
                "there is no real environment to evaluate in: choose one with environment=..., or evaluation.episodes=0"
            )
        make: Callable[[], gymnasium.Env[Any, Any]] = partial(make_environment, env_id, **environment_options)
        self._make = (lambda: FlattenObservation(make())) if _flat(config, checkpoint) else make
        first = config.evaluation.first_seed
        self._seeds = range(first, first + config.evaluation.episodes)
        self._num_envs = config.evaluation.num_envs
        self.last: dict[str, Any] | None = None

    def __call__(self, policy: Any) -> dict[str, float]:
        result = evaluate_agent(policy, self._make, self._seeds, num_envs=self._num_envs)
        self.last = result.to_json()
        low, high = result.return_interval
        found = {"real_return": result.mean_return, "real_return_low": low, "real_return_high": high}
        return found if result.success_rate is None else {**found, "real_success": result.success_rate}


def _facts(config: DictConfig, checkpoint: Checkpoint, dataset: OfflineDataset) -> dict[str, Any]:
    return {
        "checkpoint": str(config.checkpoint),
        "model": type(checkpoint.model).__name__,
        "trained_on": {"dataset_id": checkpoint.dataset_id, "content_hash": checkpoint.content_hash},
        "dataset_id": dataset.dataset_id,
        "content_hash": dataset.content_hash,
        "env_id": _environment(config, checkpoint)[0],
        "data_mean_return": float(sum(episode.rewards.sum() for episode in dataset.episodes)) / len(dataset.episodes),
        "algorithm": config.policy.algorithm,
        "config": OmegaConf.to_container(config, resolve=True),
    }


def _check_same(facts: dict[str, Any], folder: Path) -> None:
    """A continuation under other options would be no continuation.

    Raises:
        CheckpointError: there is no run, or it had other options.
    """
    path = folder / RESULT_FILE
    if not path.is_file():
        raise CheckpointError(f"nothing to resume in {folder}: it has no {RESULT_FILE}; name the folder of a run")
    then = json.loads(path.read_text())
    now = json.loads(json.dumps(facts))
    options = sorted(then["config"].keys() | now["config"].keys())
    other = [name for name in options if name not in _FREE and then["config"].get(name) != now["config"].get(name)]
    other += ["content_hash"] if then["content_hash"] != now["content_hash"] else []
    if other:
        raise CheckpointError(f"the run in {folder} had another {', '.join(other)}: resume it as it was, see {path}")


def _write(folder: Path, facts: dict[str, Any], curve: Sequence[Any], judge: _Judge | None) -> Path:
    written = {
        **facts,
        "made_by": describe_origin(),
        "finished": bool(curve),
        "real_evaluation": None if judge is None else judge.last,
        "learning_curve": [dict(row) for row in curve],
    }
    return write_json(folder / RESULT_FILE, written)


def _line(row: Any) -> str:
    numbers = " ".join(
        f"{name} {value:.4g}"
        for name, value in row.items()
        if name not in ("round", "real_return_low", "real_return_high")
    )
    return f"round {row['round']}: {numbers}"


if __name__ == "__main__":
    main()
