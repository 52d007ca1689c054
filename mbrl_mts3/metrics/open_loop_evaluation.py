"""Open-loop evaluation of a model on episodes, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.windows import WindowSampler
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.files import to_jsonable
from mbrl_mts3.metrics.calibration import LEVELS, expected_calibration_error
from mbrl_mts3.metrics.errors_by_horizon import HorizonErrors, WindowScores, noise_dimensions
from mbrl_mts3.metrics.open_loop_prediction import model_device
from mbrl_mts3.models.base import WorldModel


def evaluate_open_loop(
    model: WorldModel,
    normalizer: Normalizer,
    episodes: Sequence[Episode],
    *,
    context: int,
    horizon: int,
    stride: int | None = None,
    batch_size: int = 256,
    max_windows: int | None = None,
    levels: Sequence[float] = LEVELS,
) -> OpenLoopResult:
    """Score open-loop predictions 1 to `horizon` steps ahead over windows of all episodes.

    Windows start at every `stride`-th step of an episode, and the last one reaches the episode's last step.
    An episode shorter than a window is scored up to its end. Sums are in float64.

    Args:
        model: in normalised units, on any device; its mode is left as it is.
        normalizer: fitted on the training data.
        episodes: physical units; preferably not those of the training.
        context: observed steps o_0..o_{context-1}; horizon 1 is the forecast of o_context.
        horizon: number of open-loop steps L.
        stride: None means a quarter of the horizon.
        batch_size: windows predicted at once; changes the speed only.
        max_windows: score at most this many, evenly spread over all; None means all.
        levels: nominal probabilities of the intervals whose coverage is measured.

    Raises:
        EpisodeTooShortError: no episode reaches the last horizon.
        ConfigurationError: an option below 1, or levels outside of (0, 1).
    """
    stride = max(1, horizon // 4) if stride is None else stride
    limit = max_windows if max_windows is not None else sum(len(episode) for episode in episodes) + 1
    _check_options(levels, context=context, horizon=horizon, stride=stride, batch_size=batch_size, max_windows=limit)
    check_lengths(episodes, context, horizon)
    sampler = WindowSampler(episodes, context + horizon - 1, min_length=context)
    grid = sampler.grid(stride)
    windows = evenly_spaced(grid, limit)
    scores = _score(model, normalizer, sampler, windows, context, batch_size, torch.tensor(levels, dtype=torch.float64))
    noise = noise_dimensions(scores.sums["persistence"])
    return OpenLoopResult(
        context=context,
        stride=stride,
        windows=windows,
        available_windows=len(grid),
        skipped_episodes=sum(len(episode) < context for episode in episodes),
        window_nrmse=scores.squared_error.sqrt(),
        noise=noise,
        **_errors(scores, normalizer, horizon, torch.tensor(levels, dtype=torch.float64), noise),
    )


def default_context(model: WorldModel) -> int:
    """Steps to observe before open-loop prediction: two cells of the slowest level, 30 without slow levels."""
    return 2 * model.period if model.period > 1 else 30


def check_lengths(episodes: Sequence[Episode], context: int, horizon: int) -> None:
    """Raise EpisodeTooShortError unless an episode holds a whole window."""
    longest, needed = max((len(episode) for episode in episodes), default=0), context + horizon - 1
    if longest < needed:
        advice = f"a horizon of {longest - context + 1} or less" if longest >= context else "a shorter context"
        raise EpisodeTooShortError(
            f"a context of {context} and a horizon of {horizon} need an episode of {needed} steps, the longest of "
            f"{len(episodes)} has {longest}: ask for {advice}, or use longer episodes"
        )


def _score(
    model: WorldModel,
    normalizer: Normalizer,
    sampler: WindowSampler,
    windows: Tensor,
    context: int,
    batch_size: int,
    levels: Tensor,
) -> WindowScores:
    device = model_device(model)
    normalizer, levels = normalizer.to(device), levels.to(device)
    scores = WindowScores({}, torch.zeros(0, dtype=torch.float64))
    for raw in sampler.batches(windows, batch_size):
        scores = scores + WindowScores.from_batch(model, raw.to(device).normalize(normalizer), context, levels)
    return scores


def _errors(
    scores: WindowScores, normalizer: Normalizer, horizon: int, levels: Tensor, noise: Sequence[int]
) -> dict[str, HorizonErrors]:
    rewards = {name for name in scores.sums if name.startswith("reward")}
    return {
        name: HorizonErrors.from_sums(sums.pad(horizon), normalizer.reward_scale.reshape(1), levels)
        if name in rewards
        else HorizonErrors.from_sums(sums.pad(horizon), normalizer.observation_scale, levels, noise)
        for name, sums in scores.sums.items()
    }


def evenly_spaced(grid: Tensor, limit: int) -> Tensor:
    """At most `limit` entries at even distances, the first and the last included."""
    if len(grid) <= limit:
        return grid
    return grid[torch.linspace(0, len(grid) - 1, limit, dtype=torch.float64).round().long()]


def _check_options(levels: Sequence[float], **options: int) -> None:
    for name, value in options.items():
        if value < 1:
            raise ConfigurationError(f"{name} needs to be at least 1, got {value}")
    if not levels or min(levels) <= 0 or max(levels) >= 1:
        raise ConfigurationError(f"levels need to lie strictly between 0 and 1, got {tuple(levels)}")


REPORTED_HORIZONS = (1, 5, 15, 60, 150, 330)


@dataclass(frozen=True, repr=False)
class OpenLoopResult:
    """Errors of open-loop predictions by horizon, and those of two reference predictors without dynamics."""

    context: int
    """Observed steps before the first predicted one."""
    stride: int
    """Steps from one window's start to the next."""
    windows: Tensor
    """(W,): indices of the scored windows in `WindowSampler(episodes, context + horizon - 1)`."""
    available_windows: int
    """Number of windows at this stride; more than W where `max_windows` left some out."""
    skipped_episodes: int
    """Number of episodes too short for one open-loop step after the context."""
    window_nrmse: Tensor
    """(W,): error of each window over all its open-loop steps, normalised units."""
    model: HorizonErrors
    persistence: HorizonErrors
    """Repeats the last observation of the context."""
    training_mean: HorizonErrors
    """Always predicts the mean and variance of the training data: NRMSE near 1 by construction."""
    reward: HorizonErrors | None = None
    """Errors of the reward head, where the model has one."""
    reward_training_mean: HorizonErrors | None = None
    noise: tuple[int, ...] = ()
    """Dimensions that are noise alone, which `nrmse_signal` leaves out."""

    @property
    def horizon(self) -> int:
        """Number of open-loop steps."""
        return len(self.model)

    @property
    def typical_window(self) -> int:
        """Index of the window with the median error: half of all windows are predicted better."""
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
        """Open-loop predictions that were not finite or had no positive variance, over all windows and horizons."""
        return int(self.model.invalid.sum())

    def horizons(self, wanted: Sequence[int] = REPORTED_HORIZONS) -> tuple[int, ...]:
        """The `wanted` horizons that were predicted; if these are fewer than two, the last horizon too."""
        reached = tuple(h for h in wanted if 1 <= h <= self.horizon)
        return reached if len(reached) > 1 else tuple(sorted({*reached, self.horizon}))

    def to_json(self, sliding_window: int = 1, sliding_stride: int = 1) -> dict[str, Any]:
        """All numbers as plain values; lists are by horizon 1 to L, those of sliding windows by their starts."""
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
            "noise_dimensions": list(self.noise),
            "calibration_error": None if error is None else to_jsonable(error),
            "sliding_window": {"window": sliding_window, "stride": sliding_stride},
            "predictors": {
                name: {**errors.to_json(), "sliding": to_jsonable(errors.sliding(sliding_window, sliding_stride))}
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
