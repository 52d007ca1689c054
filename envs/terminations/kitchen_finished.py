"""The end of the housework."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.envs.rewards.kitchen_goals import KitchenGoals, aligned


@dataclass(frozen=True)
class KitchenFinished:
    """Whether every task is done now or was finished before."""

    goals: KitchenGoals
    finished: Tensor | None = None
    """(B, K): 1 where a task was finished before; None if nothing is known of that."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        done = self.goals.reached(next_observation)
        if self.finished is not None:
            done = done | aligned(self.finished, done)
        return done.all(dim=-1)
