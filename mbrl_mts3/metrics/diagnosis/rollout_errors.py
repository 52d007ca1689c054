"""Errors of imagined rollouts against what a simulator does under the same actions, by step."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mbrl_mts3.array_types import Array, BoolArray, DoubleArray
from mbrl_mts3.errors import ShapeError
from mbrl_mts3.files import to_jsonable


@dataclass(frozen=True, repr=False)
class RolloutErrors:
    """N imagined rollouts of H steps and the true ones, from the same states under the same actions.

    Raises:
        ShapeError: the arrays do not have these shapes.
    """

    starts: Array
    """(N, obs): o_t that the rollouts begin at, physical units as all observations and rewards here."""
    imagined: Array
    """(N, H, obs)."""
    true: Array
    """(N, H, obs)."""
    imagined_rewards: Array
    """(N, H)."""
    true_rewards: Array
    """(N, H)."""
    running: BoolArray
    """(N, H): steps that count, which are those before the true episode terminates and the last one."""
    scale: Array
    """(obs,): standard deviations of the data, which errors of observations are divided by."""
    uncertainties: dict[str, Array] = field(default_factory=dict)
    """(N, H) each, by kind: what the model said of each step."""
    function_rewards: Array | None = None
    """(N, H): rewards by the function that pays imagined steps, on the true observations; None where there is none, or
    where these are the true rewards."""
    closed_loop_returns: Array | None = None
    """(N,): sums of true rewards where the source acts on what the simulator shows, and not on what is imagined; None
    for recorded actions, which look at neither."""

    def __post_init__(self) -> None:
        count, steps, size = np.shape(self.true)
        expected: dict[str, tuple[int, ...]] = {
            "starts": (count, size),
            "imagined": (count, steps, size),
            "scale": (size,),
            **dict.fromkeys(("imagined_rewards", "true_rewards", "running"), (count, steps)),
        }
        found = {name: np.shape(getattr(self, name)) for name in expected}
        found |= {f"uncertainties[{kind!r}]": np.shape(values) for kind, values in self.uncertainties.items()}
        optional = {"function_rewards": (count, steps), "closed_loop_returns": (count,)}
        for name, shape in optional.items():
            if getattr(self, name) is not None:
                expected[name], found[name] = shape, np.shape(getattr(self, name))
        expected |= {f"uncertainties[{kind!r}]": (count, steps) for kind in self.uncertainties}
        wrong = [f"{name} {found[name]} instead of {shape}" for name, shape in expected.items() if found[name] != shape]
        if wrong or not count or not steps:
            raise ShapeError(f"true observations {np.shape(self.true)} do not fit {', '.join(wrong) or 'anything'}")

    @property
    def horizon(self) -> int:
        """H."""
        return int(self.true.shape[1])

    @cached_property
    def entry_errors(self) -> DoubleArray:
        """(N, H, obs): absolute errors in standard deviations of the data; NaN where a step does not count."""
        return self._counted(np.abs(np.asarray(self.imagined, np.float64) - self.true) / self.scale)

    @cached_property
    def state_errors(self) -> DoubleArray:
        """(N, H): means of `entry_errors` over the entries."""
        return np.asarray(self.entry_errors.mean(axis=-1))

    @cached_property
    def reward_errors(self) -> DoubleArray:
        """(N, H): imagined less true rewards; NaN where a step does not count."""
        return self._counted(np.asarray(self.imagined_rewards, np.float64) - self.true_rewards)

    @property
    def counted_uncertainties(self) -> dict[str, DoubleArray]:
        """`uncertainties` with NaN where a step does not count."""
        return {kind: self._counted(np.asarray(values, np.float64)) for kind, values in self.uncertainties.items()}

    def by_step(self) -> StepErrors:
        """The errors of each step."""
        still = self._counted(np.abs(np.asarray(self.starts, np.float64)[:, None] - self.true) / self.scale)
        return StepErrors(
            count=self.running.sum(axis=0),
            state_mean=_columns(self.state_errors, np.mean),
            state_median=_columns(np.median(self.entry_errors, axis=-1), np.mean),
            state_middle=_columns(self.state_errors, np.median),
            state_unchanged=_columns(still.mean(axis=-1), np.mean),
            reward=_columns(np.abs(self.reward_errors), np.mean),
            reward_middle=_columns(np.abs(self.reward_errors), np.median),
            reward_bias=_columns(self.reward_errors, np.mean),
            reward_function=self._function_errors(),
        )

    def returns(self) -> tuple[DoubleArray, DoubleArray]:
        """Imagined and true sums of rewards (N,), over the steps that count."""
        imagined, true = (
            np.where(self.running, rewards, 0.0).sum(axis=1, dtype=np.float64)
            for rewards in (self.imagined_rewards, self.true_rewards)
        )
        return imagined, true

    @property
    def closed_loop_return(self) -> float | None:
        """Mean of `closed_loop_returns`."""
        return None if self.closed_loop_returns is None else float(np.mean(self.closed_loop_returns))

    def to_json(self) -> dict[str, Any]:
        """Errors by step, and mean returns over all steps."""
        imagined, true = self.returns()
        return {
            "rollouts": len(self.true),
            "by_step": self.by_step().to_json(),
            "mean_imagined_return": float(imagined.mean()),
            "mean_true_return": float(true.mean()),
            "mean_closed_loop_return": self.closed_loop_return,
        }

    def _function_errors(self) -> DoubleArray | None:
        if self.function_rewards is None:
            return None
        error = np.abs(np.asarray(self.function_rewards, np.float64) - self.true_rewards)
        return _columns(self._counted(error), np.mean)

    def _counted(self, values: Array) -> DoubleArray:
        running = self.running.reshape(*self.running.shape, *(1,) * (values.ndim - 2))
        return np.where(running, values, np.nan)


@dataclass(frozen=True)
class StepErrors:
    """Errors by step, (H,) each: entry h - 1 is h steps after the last observation. NaN where no rollout gets there.

    Errors of states are in standard deviations of the data, those of rewards in units of reward.
    """

    count: Array
    """Rollouts that reach the step."""
    state_mean: DoubleArray
    """Mean over entries, then over rollouts."""
    state_median: DoubleArray
    """Median over entries, then mean over rollouts: half of the entries are predicted better."""
    state_middle: DoubleArray
    """Mean over entries, then median over rollouts: half of the rollouts are predicted better."""
    state_unchanged: DoubleArray
    """What `state_mean` would be of a model in which nothing moves."""
    reward: DoubleArray
    """Mean of the absolute error over rollouts."""
    reward_middle: DoubleArray
    """Median of the absolute error over rollouts."""
    reward_bias: DoubleArray
    """Mean of imagined less true rewards: above 0, the model promises too much."""
    reward_function: DoubleArray | None = None
    """What `reward` would be of a perfect model, whose error is that of the reward function alone; None without one."""

    def to_json(self) -> dict[str, Any]:
        """Lists by name."""
        known = {name: values for name, values in asdict(self).items() if values is not None}
        return {name: to_jsonable(values.tolist()) for name, values in known.items()}


def _columns(values: DoubleArray, reduce: Any) -> DoubleArray:
    """Reduce the columns of (N, H), NaN left out; NaN where nothing is left."""
    left = (column[~np.isnan(column)] for column in values.T)
    return np.array([reduce(column) if len(column) else math.nan for column in left])
