"""Scripted demonstrations in the Franka kitchen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour
from mbrl_mts3.agents.behaviour.kitchen.arm import KitchenArm, ToolTarget
from mbrl_mts3.agents.behaviour.kitchen.motion import KitchenMotion
from mbrl_mts3.agents.behaviour.kitchen.plans import KITCHEN_PLANS
from mbrl_mts3.agents.behaviour.noise import SmoothNoise
from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.errors import ConfigurationError

# Standard deviation of strong noise, in half widths of the action box.
_WILD = 0.8


class KitchenDemonstration(Behaviour):
    """Solves kitchen tasks one after the other by scripted motions of the tool and inverse kinematics.

    It is privileged: it reads the simulator's state (poses of handles, joint coordinates, Jacobian, gravity), which the
    observation holds in part only. Episodes differ by small shifts of the waypoints, by speed and by noise, all sampled
    from the seed. When all tasks are done or given up, the tool stays where it is.

    Args:
        environment: a FrankaKitchen.
        tasks: in this order; None takes those of the environment.
        subset: how many of them each episode attempts, sampled at random; None means all.
        shuffled: whether each episode has an order of its own; what would stand in the way of other tasks comes last.
        apart: tasks that no episode attempts all of; one that would do so has its tasks sampled anew.
        attempts: after which a task is given up.
        shift: largest shift of a task's waypoints along each axis, m.
        haste: slowest and fastest speed, as factors of the waypoints' own.
        noise: largest standard deviation of slowly varying noise on the action; one for each episode, uniform.
        wander: probability, at each step, to begin a stretch of strong noise, from which the motion then recovers.
        wander_steps: longest such stretch.

    Raises:
        ConfigurationError: not a FrankaKitchen, a task without a motion, or an option out of range.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        tasks: Sequence[str] | None = None,
        subset: int | None = None,
        shuffled: bool = False,
        apart: Sequence[str] = (),
        attempts: int = 3,
        shift: float = 0.004,
        haste: Sequence[float] = (0.7, 1.1),
        noise: float = 0.0,
        wander: float = 0.0,
        wander_steps: int = 10,
    ) -> None:
        self._arm = KitchenArm(environment)
        self._tasks = tuple(environment.unwrapped.goal if tasks is None else tasks)  # type: ignore[attr-defined]
        self._subset = len(self._tasks) if subset is None else subset
        self._apart = frozenset(apart)
        _check_tasks(self._tasks, self._subset, self._apart)
        if min(attempts, wander_steps) < 1 or min(shift, noise) < 0 or not 0 <= wander <= 1:
            raise ConfigurationError(
                "kitchen demonstrations need attempts and wander_steps of at least 1, shift and noise of at least 0 "
                f"and wander in [0, 1], got {attempts}, {wander_steps}, {shift}, {noise} and {wander}"
            )
        if len(haste) != 2 or not 0 < haste[0] <= haste[1]:
            raise ConfigurationError(f"haste needs the slowest and the fastest speed, both positive, got {haste}")
        self._shuffled, self._attempts, self._shift, self._haste = shuffled, attempts, shift, haste
        self._noise, self._wander, self._wander_steps = noise, wander, wander_steps
        self.reset(0)

    def reset(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._chosen = self._draw_tasks()
        self._queue = list(self._chosen)
        self._motion: KitchenMotion | None = None
        self._hold: ToolTarget | None = None
        self._pace = self._generator.uniform(self._haste[0], self._haste[1])
        self._calm = self._smooth(self._noise * self._generator.uniform())
        self._wandering = 0

    @property
    def episode_tasks(self) -> tuple[str, ...]:
        """What this episode attempts, in order."""
        return tuple(self._chosen)

    @property
    def over(self) -> bool:
        """Whether all tasks were solved or given up when the last action was chosen."""
        return self._hold is not None

    def __call__(self, observation: Any) -> ActionArray:
        return np.clip(self._act(observation["observation"]) + self._disturbance(), -1, 1).astype(np.float32)

    def _act(self, observed: DoubleArray) -> ActionArray:
        action = self._motion.act(observed) if self._motion else None
        while action is None and self._queue:
            self._motion = self._begin(self._queue.pop(0))
            action = self._motion.act(observed)
        if action is not None:
            return action
        self._hold = self._hold or self._arm.here
        return self._arm.action(observed, self._hold)

    def _draw_tasks(self) -> list[str]:
        chosen = self._draw_places()
        while self._apart and self._apart <= {self._tasks[index] for index in chosen}:
            chosen = self._draw_places()
        if self._shuffled:
            self._generator.shuffle(chosen)
            chosen.sort(key=lambda index: KITCHEN_PLANS[self._tasks[index]].obstructs)
        return [self._tasks[index] for index in chosen]

    def _draw_places(self) -> list[int]:
        return sorted(self._generator.permutation(len(self._tasks))[: self._subset].tolist())

    def _begin(self, task: str) -> KitchenMotion:
        shift = self._generator.uniform(-self._shift, self._shift, 3)
        return KitchenMotion(self._arm, KITCHEN_PLANS[task], self._attempts, shift, self._pace)

    def _disturbance(self) -> DoubleArray:
        """Noise on the action, (9,)."""
        if self._wandering:
            self._wandering -= 1
        elif self._generator.random() < self._wander:
            self._wandering = int(self._generator.integers(1, self._wander_steps + 1))
            self._wild = self._smooth(_WILD)
        return (self._wild if self._wandering else self._calm).step()

    def _smooth(self, deviation: float) -> SmoothNoise:
        """From nearly white to slow."""
        return SmoothNoise(self._generator, 9, 10 ** self._generator.uniform(-0.5, 1.0), deviation)


def _check_tasks(tasks: tuple[str, ...], subset: int, apart: frozenset[str]) -> None:
    unknown = [task for task in (*tasks, *sorted(apart)) if task not in KITCHEN_PLANS]
    if unknown or not tasks:
        raise ConfigurationError(
            f"no scripted motion for {', '.join(unknown) or 'no task at all'}: "
            f"choose tasks from {', '.join(KITCHEN_PLANS)}"
        )
    if not 1 <= subset <= len(tasks):
        raise ConfigurationError(f"subset must lie between 1 and the number of tasks, {len(tasks)}, got {subset}")
    if apart and all(len(tasks) - tasks.count(task) < subset for task in apart):
        raise ConfigurationError(
            f"every episode of {subset} of the {len(tasks)} tasks attempts all of apart={sorted(apart)}: "
            "lower subset or leave apart out"
        )
