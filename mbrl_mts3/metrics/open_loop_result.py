"""What an open-loop evaluation found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mbrl_mts3.metrics.calibration import expected_calibration_error
from mbrl_mts3.metrics.horizon_errors import HorizonErrors
from mbrl_mts3.metrics.json_numbers import json_numbers

REPORTED_HORIZONS = (1, 5, 15, 60, 150, 330)


@dataclass(frozen=True, repr=False)
class OpenLoopResult:
    """Errors of blind predictions by horizon, beside two references that know nothing of dynamics."""

    context: int
    """Observed steps before the first blind one."""
    stride: int
    """Steps from one window's start to the next."""
    windows: Tensor
    """(W,): numbers of the scored windows, as `WindowSampler(episodes, context + horizon - 1)` counts them."""
    available_windows: int
    """Windows at this stride; more than W where a limit left some out."""
    skipped_episodes: int
    """Episodes too short to hold one blind step after the context."""
    window_nrmse: Tensor
    """(W,): error of each window over all its blind steps, normalised units."""
    model: HorizonErrors
    persistence: HorizonErrors
    """Repeats the last observation of the context."""
    training_mean: HorizonErrors
    """Always the mean and variance of the training data: NRMSE near 1 by construction."""
    reward: HorizonErrors | None = None
    """Of the reward head, where the model has one."""
    reward_training_mean: HorizonErrors | None = None

    @property
    def horizon(self) -> int:
        """Number of blind steps."""
        return len(self.model)

    @property
    def typical_window(self) -> int:
        """Number of the window with the median error: half of all are predicted better."""
        order = self.window_nrmse.argsort(stable=True)
        return int(self.windows[order[(len(order) - 1) // 2]])

    @property
    def calibration_error(self) -> Tensor | None:
        """(L,): expected calibration error of the model by horizon."""
        if self.model.coverage is None:
            return None
        return expected_calibration_error(self.model.levels, self.model.coverage)

    @property
    def invalid_predictions(self) -> int:
        """Blind predictions that were not finite or had no positive variance, over all windows and horizons."""
        return int(self.model.invalid.sum())

    def horizons(self, wanted: Sequence[int] = REPORTED_HORIZONS) -> tuple[int, ...]:
        """Those of `wanted` that were predicted, and the last one if none was beyond the first."""
        reached = tuple(h for h in wanted if 1 <= h <= self.horizon)
        return reached if len(reached) > 1 else tuple(sorted({*reached, self.horizon}))

    def to_json(self, sliding_window: int = 1, sliding_stride: int = 1) -> dict[str, Any]:
        """All numbers as plain values; lists run over the horizons 1..L, sliding windows over their starts."""
        predictors = {
            "model": self.model,
            "persistence": self.persistence,
            "training_mean": self.training_mean,
            "reward": self.reward,
            "reward_training_mean": self.reward_training_mean,
        }
        error = self.calibration_error
        return {
            "context": self.context,
            "horizon": self.horizon,
            "stride": self.stride,
            "windows": len(self.windows),
            "available_windows": self.available_windows,
            "skipped_episodes": self.skipped_episodes,
            "invalid_predictions": self.invalid_predictions,
            "calibration_error": None if error is None else json_numbers(error),
            "sliding_window": {"window": sliding_window, "stride": sliding_stride},
            "predictors": {
                name: {**errors.to_json(), "sliding": json_numbers(errors.sliding(sliding_window, sliding_stride))}
                for name, errors in predictors.items()
                if errors is not None
            },
        }

    def __repr__(self) -> str:
        first, last = float(self.model.nrmse[0]), float(self.model.nrmse[-1])
        return (
            f"OpenLoopResult(context={self.context}, horizon={self.horizon}, windows={len(self.windows)}, "
            f"nrmse={first:.3g} at step 1, {last:.3g} at step {self.horizon})"
        )
