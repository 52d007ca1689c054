"""How an environment is best set up to collect data in it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

import gymnasium
from gymnasium.envs.registration import EnvSpec

from mbrl_mts3.envs import is_goal_maze

EnvironmentFactory: TypeAlias = Callable[..., gymnasium.Env[Any, Any]]


def collection_options(environment_id: str) -> dict[str, Any]:
    """Arguments for collecting: a maze shall draw a new goal where one is reached, instead of ending the episode."""
    return {"continuing_task": True, "reset_target": True} if is_goal_maze(environment_id) else {}


def evaluation_spec(spec: EnvSpec | None) -> EnvSpec | None:
    """The environment to judge policies in, where it differs from the one that data was collected in."""
    if spec is None or not is_goal_maze(spec.id):
        return None
    judged = deepcopy(spec)
    judged.kwargs = {**spec.kwargs, "continuing_task": False, "reset_target": False}
    return judged
