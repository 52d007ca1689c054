"""A task whose best policy is known."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mbrl_mts3.envs.tasks import Task

BEST_ACTION = 0.5


class AimAtOneAction(Task):
    """The nearer all actions are to `BEST_ACTION`, the better; nothing else counts."""

    name = "AimAtOneAction"

    def reward_function(self, observation: Any, selector: Any) -> Any:
        def reward(before: Tensor, action: Tensor, after: Tensor) -> Tensor:
            return -(action - BEST_ACTION).square().mean(dim=-1)

        return reward
