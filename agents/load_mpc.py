"""An agent that plans, from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import torch
from torch import Tensor

from mbrl_mts3.agents.mpc_agent import MPCAgent
from mbrl_mts3.envs.check_spaces import check_spaces
from mbrl_mts3.envs.tasks.task import Task
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners.planner import Planner
from mbrl_mts3.training.checkpoint import Checkpoint


def load_mpc(
    environment: gymnasium.Env[Any, Any],
    checkpoint: Checkpoint | str | Path | None,
    planner: Callable[[Tensor, Tensor], Planner],
    task: Task,
    *,
    precision: str = "float32",
    device: str = "cpu",
    **options: Any,
) -> MPCAgent:
    """Put together what a planning agent needs.

    Args:
        environment: where it is to act; the task is prepared with it.
        checkpoint: a trained model, or the folder that it lies in.
        planner: makes the planner from the bounds of actions.
        task: what to plan for.
        precision: see `PhysicalModel`.
        device: where it is planned.
        options: further ones of `MPCAgent`.

    Raises:
        CheckpointError: there is no such checkpoint.
        SpaceMismatchError: the model was trained for another environment.
        MTS3Error: as `MPCAgent` and `Task.prepare` do.
    """
    if checkpoint is None:
        raise ConfigurationError("no checkpoint is named: set checkpoint to the folder of a trained model")
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint.from_pretrained(checkpoint, device)
    check_spaces(loaded.observation_space, loaded.action_space, environment)
    space = loaded.action_space
    low, high = (torch.as_tensor(bound, device=device) for bound in (space.low, space.high))
    return MPCAgent(
        loaded.physical_model(precision), planner(low, high), task.prepare(environment), loaded.selector, **options
    )
