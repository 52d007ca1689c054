"""What `gymnasium.make` and `gymnasium.make_vec` call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gymnasium.vector import AutoresetMode

from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.scenes import open_scene
from mbrl_mts3.envs.tasks import Task
from mbrl_mts3.envs.world_model.load_dynamics import load_dynamics
from mbrl_mts3.envs.world_model.world_model_env import WorldModelEnv
from mbrl_mts3.envs.world_model.world_model_vector_env import WorldModelVectorEnv
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.training.checkpoint import Checkpoint


def make_world_model(
    checkpoint: Checkpoint | str | Path,
    dataset: OfflineDataset | str | None = None,
    task: Task | None = None,
    *,
    render_mode: str | None = None,
    **options: Any,
) -> WorldModelEnv:
    """One imagined environment.

    Args:
        checkpoint, dataset, task, options: see `load_dynamics`.
        render_mode: None or "rgb_array".

    Raises:
        ConfigurationError: another render mode, or nothing can be drawn here.
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
        raise ConfigurationError("nothing to draw with: the data names no environment, so set env_id")
    scene = open_scene(
        lambda environment: dynamics.task.scene(environment, dynamics.selector),
        env_id,
        **(options.get("env_options") or {}),
    )
    return WorldModelEnv(dynamics, scene)


def make_world_models(
    num_envs: int,
    checkpoint: Checkpoint | str | Path,
    dataset: OfflineDataset | str | None = None,
    task: Task | None = None,
    *,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    **options: Any,
) -> WorldModelVectorEnv:
    """Imagined environments side by side; see `load_dynamics` and `WorldModelVectorEnv`."""
    return WorldModelVectorEnv(load_dynamics(checkpoint, dataset, task, **options), num_envs, autoreset_mode)
