"""Makes world model environments from a checkpoint and a data set, also for `gymnasium.make`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from mbrl_mts3.data import OfflineDataset, load_dataset
from mbrl_mts3.data.spaces import check_spaces_match
from mbrl_mts3.envs.make import check_environment_spaces, make_environment, merge_options
from mbrl_mts3.envs.rendering import open_renderer
from mbrl_mts3.envs.tasks import FittedRewardTask, LearnedRewardTask, Task, default_task
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.environments import WorldModelEnv, WorldModelVectorEnv
from mbrl_mts3.envs.world_model.simulator_dynamics import SimulatorDynamics
from mbrl_mts3.envs.world_model.start_states import StartStates
from mbrl_mts3.envs.world_model.uncertainty import Uncertainty
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError, UnknownObservationError
from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.training.checkpoint import Checkpoint


def load_dynamics(
    checkpoint: Checkpoint | str | Path,
    dataset: OfflineDataset | str | None = None,
    task: Task | None = None,
    *,
    env_id: str | None = None,
    environment_options: Mapping[str, Any] | None = None,
    observation: str = "raw",
    context: int | None = None,
    starts: str = "anywhere",
    num_start_states: int = 2048,
    start_seed: int = 0,
    uncertainty: str = "none",
    uncertainty_penalty: float = 0.0,
    uncertainty_budget: float | None = None,
    max_episode_steps: int | None = None,
    deterministic: bool = False,
    simulator: bool = False,
    precision: str = "float32",
    device: torch.device | str = "cpu",
) -> WorldModelDynamics:
    """Build the dynamics of imagined episodes from a checkpoint and a data set.

    The real environment is made once, to prepare the task and to read its spaces and time limit, and closed again.

    Args:
        checkpoint: a trained model, or its folder.
        dataset: episodes to start from, or an argument of `load_dataset`; None takes the data set that the model was
            trained on.
        task: None takes `default_task` of the environment.
        env_id: of the real environment; None takes that of the data, and no real environment if the data has none, or
            one that is unknown here and not needed for the reward.
        environment_options: of the real environment, for example {"continuing_task": False} for a maze; they go before
            those that the data was collected with.
        observation: "raw" returns observations as the real environment does, "flat" the same as one Box, as
            Gymnasium's `FlattenObservation` does, "selected" the entries that the model observes.
        context: steps of a real episode that the model observes before an imagined one starts; None means two cells
            of its slowest level, or 30 steps for a model without slow levels.
        starts, num_start_states, start_seed: see `StartStates.from_episodes`.
        uncertainty, uncertainty_penalty, uncertainty_budget: see `Uncertainty`; "calibrated" takes the factors that
            `mts3-calibrate` has stored with the checkpoint. Samples still have the model's own variances.
        max_episode_steps: None takes the real environment's limit, if it has one.
        deterministic: see `WorldModelDynamics`.
        simulator: let the real environment make the steps in the place of the model, see `SimulatorDynamics`.
        precision: see `PhysicalModel`.
        device: of the model and the imagined states.

    Raises:
        CheckpointError, UnknownDatasetError, DataError: the checkpoint or the data set cannot be read.
        SpaceMismatchError: checkpoint, data set and environment do not describe the same spaces.
        EpisodeTooShortError: no episode is longer than the context.
        MTS3Error: as `WorldModelDynamics` and `StartStates.from_episodes` do.
    """
    if observation not in ("raw", "flat", "selected"):
        raise ConfigurationError(f"unknown observation {observation!r}: expected 'raw', 'flat' or 'selected'")
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint.from_pretrained(checkpoint, device)
    factors = None if checkpoint.recalibration is None else checkpoint.recalibration.to(device)
    measured = Uncertainty(uncertainty, uncertainty_penalty, uncertainty_budget, factors)
    data = _dataset(checkpoint, dataset)
    options = _options(checkpoint, data, env_id, environment_options or {})
    real = _find_environment(checkpoint, env_id, options, task)
    model = PhysicalModel(checkpoint.model.to(device).eval(), checkpoint.normalizer.to(device), precision)
    period = model.model.period
    start_states = StartStates.from_episodes(
        model,
        data.episodes,
        context=context if context is not None else (2 * period if period > 1 else 30),
        starts=starts,
        size=num_start_states,
        seed=start_seed,
        device=device,
    )
    make: Callable[..., WorldModelDynamics] = WorldModelDynamics
    if simulator:
        named = env_id or checkpoint.env_id
        if named is None:
            raise ConfigurationError(
                "no simulator can take the model's place, since the data name no environment: name one (env_id, in "
                "commands environment=...), or leave simulator out"
            )
        make = partial(SimulatorDynamics, make_environment(named, **options))
    return make(
        model,
        real.task.fit(data.episodes),
        checkpoint.selector,
        real.observation_space,
        real.action_space,
        start_states,
        uncertainty=measured,
        max_episode_steps=max_episode_steps if max_episode_steps is not None else real.max_episode_steps,
        deterministic=deterministic,
        selected_observations=observation == "selected",
        flat_observations=observation == "flat",
    )


@dataclass(frozen=True)
class _RealEnvironment:
    """Task, spaces and time limit of the real environment."""

    task: Task
    observation_space: spaces.Space[Any]
    action_space: spaces.Box
    max_episode_steps: int | None


def _options(
    checkpoint: Checkpoint, data: OfflineDataset, env_id: str | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Options of the real environment: those given, else those of the data where it is the data's environment."""
    stored: Mapping[str, Any] = {}
    if env_id in (None, checkpoint.env_id):
        stored = checkpoint.env_options or (data.env_options if data.env_id == checkpoint.env_id else {})
    return merge_options(stored, given)


def _find_environment(
    checkpoint: Checkpoint, env_id: str | None, options: Mapping[str, Any], task: Task | None
) -> _RealEnvironment:
    """The environment that is named; that of the data may be unknown here, where the reward is learned anyway."""
    try:
        return _describe_environment(checkpoint, env_id or checkpoint.env_id, options, task)
    except ConfigurationError as error:
        learned = isinstance(task or default_task(checkpoint.env_id), LearnedRewardTask | FittedRewardTask)
        if env_id is not None or not learned:
            raise
        warnings.warn(f"imagined without the real environment, with the learned reward: {error}", stacklevel=3)
        found = _describe_environment(checkpoint, None, {}, task)
        return replace(found, max_episode_steps=options.get("max_episode_steps"))


def _describe_environment(
    checkpoint: Checkpoint, env_id: str | None, options: Mapping[str, Any], task: Task | None
) -> _RealEnvironment:
    chosen = task or default_task(env_id)
    if env_id is None:
        return _RealEnvironment(chosen, checkpoint.observation_space, checkpoint.action_space, None)
    with closing(make_environment(env_id, **options)) as environment:
        check_environment_spaces(checkpoint.observation_space, checkpoint.action_space, environment)
        limit = None if environment.spec is None else environment.spec.max_episode_steps
        return _RealEnvironment(chosen.prepare(environment), environment.observation_space, _box(environment), limit)


def _box(environment: gymnasium.Env[Any, Any]) -> spaces.Box:
    space = environment.action_space
    if not isinstance(space, spaces.Box):
        raise SpaceMismatchError(f"actions need a Box, {environment} has {space}")
    return space


def _dataset(checkpoint: Checkpoint, dataset: OfflineDataset | str | None) -> OfflineDataset:
    """The data set with the observations of the model."""
    names = checkpoint.selector.names
    if not isinstance(dataset, OfflineDataset):
        dataset_id = dataset or checkpoint.dataset_id
        try:
            dataset = load_dataset(dataset_id, names)
        except UnknownObservationError as error:
            raise SpaceMismatchError(
                f"data set {dataset_id!r} lacks what the model observes: {error}. "
                "Choose a data set of the model's environment, or another checkpoint"
            ) from error
    if dataset.selector.names != names:
        raise SpaceMismatchError(
            f"the model observes {', '.join(names)}; data set {dataset.dataset_id!r} was loaded with "
            f"{', '.join(dataset.selector.names)}: load it with observation={list(names)}"
        )
    trained = checkpoint.observation_space, checkpoint.action_space
    check_spaces_match(trained, (dataset.observation_space, dataset.action_space), dataset.dataset_id, "data set")
    return dataset


def make_world_model(
    checkpoint: Checkpoint | str | Path,
    dataset: OfflineDataset | str | None = None,
    task: Task | None = None,
    *,
    render_mode: str | None = None,
    **options: Any,
) -> WorldModelEnv:
    """Make one imagined environment; the entry point of `gymnasium.make`.

    Args:
        checkpoint, dataset, task, options: see `load_dynamics`.
        render_mode: None or "rgb_array".

    Raises:
        ConfigurationError: another render mode, or rendering is not possible here.
        MTS3Error: as `load_dynamics` does.
    """
    if render_mode not in (None, "rgb_array"):
        raise ConfigurationError(f"unknown render_mode {render_mode!r}: expected 'rgb_array', or none")
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint.from_pretrained(checkpoint)
    dynamics = load_dynamics(checkpoint, dataset, task, **options)
    if render_mode is None:
        return WorldModelEnv(dynamics)
    env_id = options.get("env_id") or checkpoint.env_id
    if env_id is None:
        raise ConfigurationError("rendering needs the real environment, and the data names none: set env_id")
    renderer = open_renderer(
        lambda environment: dynamics.task.renderer(environment, dynamics.selector),
        env_id,
        **merge_options(
            checkpoint.env_options if env_id == checkpoint.env_id else {}, options.get("environment_options") or {}
        ),
    )
    return WorldModelEnv(dynamics, renderer)


def make_world_model_vector(
    num_envs: int,
    checkpoint: Checkpoint | str | Path,
    dataset: OfflineDataset | str | None = None,
    task: Task | None = None,
    *,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    **options: Any,
) -> WorldModelVectorEnv:
    """Make a vector environment of imagined episodes; see `load_dynamics` and `WorldModelVectorEnv`."""
    return WorldModelVectorEnv(load_dynamics(checkpoint, dataset, task, **options), num_envs, autoreset_mode)
