"""Collection of a data set by a behaviour policy."""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from mbrl_mts3.agents.behaviour.base import Behaviour, BehaviourFactory
from mbrl_mts3.agents.collection.recording import (
    CollectionSummary,
    EnvironmentFactory,
    EpisodeRecorder,
    collection_options,
    record_dataset,
)
from mbrl_mts3.data.formats.minari_writer import check_new_dataset_id
from mbrl_mts3.envs.make import make_environment
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.seeds import check_seed
from mbrl_mts3.wording import counted


def collect_dataset(
    environment: str | EnvironmentFactory,
    behaviour: BehaviourFactory,
    steps: int,
    dataset_id: str,
    *,
    seed: int = 0,
    max_episode_steps: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> CollectionSummary:
    """Let a behaviour act for `steps` steps and write the episodes as a Minari data set.

    The last episode is cut where the steps are used up. Equal arguments give equal data. An error or an interrupt
    leaves no data set behind, and an older one of that name untouched.

    Args:
        environment: an id, made as suits collection (a maze samples new goals), or what makes the environment.
        behaviour: called with the environment, gives the behaviour.
        steps: in all, at least 1.
        dataset_id: such as "mbrl-mts3/point_maze_umaze/waypoint-v0".
        seed: of environment and behaviour; each episode has its own, derived from this one.
        max_episode_steps: where episodes are truncated; None means the environment's own limit.
        overwrite: replace a data set of that id.
        progress: show a progress bar.

    Raises:
        DataError: the id is malformed or taken.
        ConfigurationError: unknown environment, or the behaviour cannot act in it.
    """
    if steps < 1:
        raise ConfigurationError(f"collecting needs at least 1 step, got {steps}")
    check_seed(seed)
    check_new_dataset_id(dataset_id, overwrite=overwrite)
    started = time.perf_counter()
    made = as_factory(environment)(**({} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}))
    acting = behaviour(made)
    options = {"algorithm_name": type(acting).__name__, "description": f"seed {seed}, {counted(steps, 'step')}"}
    with record_dataset(made, dataset_id, steps, overwrite=overwrite, progress=progress, **options) as recorder:
        generator = np.random.default_rng(seed)
        while recorder.steps < steps:
            _run_episode(recorder, acting, generator, steps)
    return CollectionSummary.from_recorder(recorder, dataset_id, time.perf_counter() - started)


def as_factory(environment: str | EnvironmentFactory) -> EnvironmentFactory:
    """What makes the environment: an id is made as suits collection."""
    if isinstance(environment, str):
        return partial(make_environment, environment, **collection_options(environment))
    return environment


def _run_episode(recorder: EpisodeRecorder, behaviour: Behaviour, generator: np.random.Generator, steps: int) -> None:
    environment_seed, behaviour_seed = generator.integers(2**31, size=2).tolist()
    observation, _ = recorder.reset(seed=environment_seed)
    behaviour.reset(behaviour_seed)
    ended = False
    while not ended and recorder.steps < steps:
        observation, _, terminated, truncated, _ = recorder.step(behaviour(observation))
        ended = terminated or truncated
