"""FrankaKitchen's reward from what a model predicts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.envs.rewards.kitchen_goals import KitchenGoals, aligned


@dataclass(frozen=True)
class KitchenReward:
    """One for each task that the transition finishes, or, where tasks stay on the list, for each that is done after it.

    A task that was done before the transition, or finished earlier in the episode, pays nothing; one that is undone and
    done again within a single plan pays twice, for a plan has no memory of its own.
    """

    goals: KitchenGoals
    finished: Tensor | None = None
    """(B, K): 1 where a task was finished before; None if nothing is known of that."""
    once: bool = True
    """Whether a finished task is off the list, the environment's `remove_task_when_completed`."""

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        done = self.goals.reached(next_observation)
        if self.once:
            done = done & ~self.goals.reached(observation)
            if self.finished is not None:
                done = done & ~aligned(self.finished, done)
        return done.to(next_observation.dtype).sum(dim=-1)
