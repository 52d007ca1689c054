"""Data from a policy that learns."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gymnasium import spaces
from stable_baselines3 import SAC

from mbrl_mts3.agents.collect import as_factory
from mbrl_mts3.agents.collection_environment import EnvironmentFactory
from mbrl_mts3.agents.collection_summary import CollectionSummary
from mbrl_mts3.agents.recording import recording
from mbrl_mts3.agents.save_policy import save_policy
from mbrl_mts3.data.minari_writer import check_new_dataset_id
from mbrl_mts3.errors import ConfigurationError


def train_sac(
    environment: str | EnvironmentFactory,
    steps: int,
    dataset_id: str,
    *,
    policy_path: str | Path,
    seed: int = 0,
    max_episode_steps: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
    device: str = "auto",
    **sac_options: Any,
) -> CollectionSummary:
    """Train Stable-Baselines3's SAC for `steps` steps; keep the policy, and all it saw as a Minari data set.

    The data set is what D4RL calls medium-replay: the episodes in the order in which they were lived, from random
    actions to the last policy. The policy can be rolled out by `SB3Behaviour`.

    Args:
        environment: as in `collect`.
        steps: of the environment, at least 1.
        dataset_id: of the replay.
        policy_path: zip file for the policy.
        seed: of environment, networks and exploration.
        max_episode_steps: where episodes are truncated; None means the environment's own limit.
        overwrite: replace a data set of that id, and a policy of that path.
        progress: show a progress bar.
        device: where the networks are trained.
        sac_options: further arguments of `stable_baselines3.SAC`, for example `learning_starts`.

    Raises:
        DataError: the id is malformed or taken.
        ConfigurationError: unknown environment, or the policy file is there already.
    """
    if steps < 1:
        raise ConfigurationError(f"training needs at least 1 step, got {steps}")
    if Path(policy_path).exists() and not overwrite:
        raise ConfigurationError(f"{str(policy_path)!r} is there already: choose another path, or set overwrite=true")
    check_new_dataset_id(dataset_id, overwrite=overwrite)
    started = time.perf_counter()
    made = as_factory(environment)(**({} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}))
    policy = "MultiInputPolicy" if isinstance(made.observation_space, spaces.Dict) else "MlpPolicy"
    options = {"algorithm_name": "SAC", "description": f"replay of SAC training, seed {seed}, {steps} steps"}
    with recording(made, dataset_id, steps, overwrite=overwrite, progress=progress, **options) as recorder:
        model = SAC(policy, recorder, seed=seed, device=device, **sac_options)
        model.learn(steps)
        save_policy(model, policy_path)
    return CollectionSummary.of(recorder, dataset_id, time.perf_counter() - started)
