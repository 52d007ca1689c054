"""Whether stored rewards belong to the observation of their row or to the one that follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_mts3.data.d4rl_arrays import D4RLArrays
from mbrl_mts3.data.d4rl_info import D4RLInfo

Array = np.ndarray[Any, np.dtype[Any]]

MAZE_RADIUS = 0.5
# Where a kitchen's tasks lie in the 30 positions, and in the goal behind them (D4RL's kitchen_envs.py).
KITCHEN_TASKS = {
    "bottom burner": (11, 12),
    "top burner": (15, 16),
    "light switch": (17, 18),
    "slide cabinet": (19,),
    "hinge cabinet": (20, 21),
    "microwave": (22,),
    "kettle": (23, 24, 25, 26, 27, 28, 29),
}
KITCHEN_THRESHOLD = 0.3
_TOLERANCE = 1e-5
# Largest share of rows that the right rule may get wrong (rounding at the edge of a radius).
_WRONG = 0.02


@dataclass(frozen=True)
class RewardTiming:
    """What a comparison of stored rewards with the task's own rule has shown."""

    rule: str
    """In words: the rule that fits best, out of those that suit the data."""
    of_observation: float
    """Share of rows whose reward is not the rule's value of that row's observation."""
    of_next: float
    """Share of rows whose reward is not the rule's value of the observation that follows."""

    @property
    def found(self) -> str:
        """ "observation", "transition" (the observation that follows), or "unknown" where the data does not tell."""
        best, other = sorted((self.of_observation, self.of_next))
        if best > _WRONG or other <= 3 * best:
            return "unknown"
        return "observation" if self.of_observation < self.of_next else "transition"

    def __str__(self) -> str:
        shares = f"{1 - self.of_observation:.2%} of the rows, of the next observations at {1 - self.of_next:.2%}"
        return f"rewards equal {self.rule} of their row's observation at {shares}"


def reward_timing(arrays: D4RLArrays, ends: Array, info: D4RLInfo | None = None) -> RewardTiming | None:
    """Compare the rewards of mazes and kitchens with their rule; None where no rule is known.

    Args:
        ends: (N,) bool, the last rows of episodes.
        info: of the data set, for the goal of a maze; without it infos/goal alone is tried.
    """
    inside = np.flatnonzero(~ends)
    if len(inside) == 0:
        return None
    compared = []
    for rule, values in _rules(arrays, info):
        own, following = (
            float((np.abs(values[inside + late] - arrays.rewards[inside]) > _TOLERANCE).mean()) for late in (0, 1)
        )
        compared.append(RewardTiming(rule, own, following))
    return min(compared, key=lambda timing: min(timing.of_observation, timing.of_next), default=None)


def _rules(arrays: D4RLArrays, info: D4RLInfo | None) -> Iterator[tuple[str, Array]]:
    """Rewards of each row's observation, by all rules that suit the data."""
    size = arrays.observations.shape[1]
    if size == 60 and (info is None or info.name.startswith("kitchen")):
        yield "the number of kitchen tasks done", _tasks_done(arrays.observations)
    if size == 4 and (info is None or info.goal is not None):
        goals: dict[str, Array] = {}
        if info is not None and info.goal is not None:
            goals[f"the maze's goal {info.goal}"] = np.array(info.goal)
        if "goal" in arrays.infos and arrays.infos["goal"].shape == (len(arrays), 2):
            goals["infos/goal"] = arrays.infos["goal"]
        for name, goal in goals.items():
            distance = np.linalg.norm(arrays.observations[:, :2].astype(np.float64) - goal, axis=1)
            yield f"the sparse reward (radius {MAZE_RADIUS}) about {name}", (distance <= MAZE_RADIUS).astype(float)
            yield f"the dense reward about {name}", np.exp(-distance)


def _tasks_done(observations: Array) -> Array:
    """Tasks whose objects are within the threshold of their goals; a goal of zeros is none."""
    done = np.zeros(len(observations))
    for places in KITCHEN_TASKS.values():
        columns = np.array(places)
        goal = observations[:, 30 + columns].astype(np.float64)
        distance = np.linalg.norm(observations[:, columns] - goal, axis=1)
        done += (distance < KITCHEN_THRESHOLD) & goal.any(axis=1)
    return done
