"""Collection of a data set by training SAC: all of its experience becomes data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from gymnasium import spaces
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback

from mbrl_mts3.agents.collection.collector import as_factory
from mbrl_mts3.agents.collection.recording import CollectionSummary, EnvironmentFactory, record_dataset
from mbrl_mts3.agents.policy_files import check_bounded, save_policy
from mbrl_mts3.data.formats.minari_writer import check_new_dataset_id
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.seeds import check_seed
from mbrl_mts3.wording import counted


def train_sac(
    environment: str | EnvironmentFactory,
    steps: int,
    dataset_id: str,
    *,
    policy_path: str | Path,
    seed: int = 0,
    max_episode_steps: int | None = None,
    save_interval: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
    device: str = "auto",
    **sac_options: Any,
) -> CollectionSummary:
    """Train Stable-Baselines3's SAC for `steps` steps; keep the policy, and all it saw as a Minari data set.

    The data set is what D4RL calls medium-replay: the episodes in the order in which they were lived, from random
    actions to the last policy. The policy can be rolled out by `SB3Behaviour`.

    Args:
        environment: as in `collect_dataset`.
        steps: of the environment, at least 1.
        dataset_id: of the replay.
        policy_path: zip file for the policy.
        seed: of environment, networks and exploration.
        max_episode_steps: where episodes are truncated; None means the environment's own limit.
        save_interval: steps between two policies kept on the way, beside `policy_path` with the steps in their names
            (policy_50000.zip), for a learning curve and in case the run is stopped; None keeps the last alone.
        overwrite: replace a data set of that id, and policies of these paths.
        progress: show a progress bar.
        device: where the networks are trained.
        sac_options: further arguments of `stable_baselines3.SAC`, for example `learning_starts`.

    Raises:
        DataError: the id is malformed or taken.
        ConfigurationError: unknown environment, steps below 1, or a policy file is there already.
    """
    if steps < 1:
        raise ConfigurationError(f"training needs at least 1 step, got {steps}")
    if save_interval is not None and save_interval < 1:
        raise ConfigurationError(f"policies are saved every 1 step or more, got save_interval={save_interval}")
    on_the_way = range(save_interval, steps, save_interval) if save_interval else range(0)
    for path in [Path(policy_path), *(policy_after(policy_path, count) for count in on_the_way)]:
        if path.exists() and not overwrite:
            raise ConfigurationError(f"{str(path)!r} is there already: choose another path, or set overwrite=true")
    check_seed(seed)
    check_new_dataset_id(dataset_id, overwrite=overwrite)
    started = time.perf_counter()
    made = as_factory(environment)(**({} if max_episode_steps is None else {"max_episode_steps": max_episode_steps}))
    check_bounded(made.action_space)
    policy = "MultiInputPolicy" if isinstance(made.observation_space, spaces.Dict) else "MlpPolicy"
    options = {"algorithm_name": "SAC", "description": f"replay of SAC training, seed {seed}, {counted(steps, 'step')}"}
    with record_dataset(made, dataset_id, steps, overwrite=overwrite, progress=progress, **options) as recorder:
        model = SAC(policy, recorder, seed=seed, device=device, **sac_options)
        model.learn(steps, callback=None if save_interval is None else _Saving(policy_path, on_the_way))
        save_policy(model, policy_path)
    return CollectionSummary.from_recorder(recorder, dataset_id, time.perf_counter() - started)


def policy_after(policy_path: str | Path, steps: int) -> Path:
    """Where the policy after so many steps is kept, when the last one has `policy_path`."""
    path = Path(policy_path)
    return path.with_name(f"{path.stem}_{steps}{path.suffix}")


class _Saving(BaseCallback):
    """Keeps a policy at each of the given numbers of steps."""

    def __init__(self, policy_path: str | Path, on_the_way: range) -> None:
        super().__init__()
        self._policy_path = policy_path
        self._on_the_way = on_the_way

    def _on_step(self) -> bool:
        if self.num_timesteps in self._on_the_way:
            save_policy(self.model, policy_after(self._policy_path, self.num_timesteps))
        return True
