"""Open-loop evaluation: a context is observed, all after it is predicted blind with the true actions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.window_sampler import WindowSampler
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.metrics.calibration import LEVELS
from mbrl_mts3.metrics.horizon_errors import HorizonErrors
from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.metrics.window_scores import WindowScores
from mbrl_mts3.models.world_model import WorldModel


def open_loop(
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
    """Score blind predictions 1..horizon steps ahead over windows of all episodes.

    Windows start at every `stride`-th step of an episode, and the last one reaches the episode's last step.
    An episode shorter than a window is scored as far as it goes. Sums run in float64.

    Args:
        model: in normalised units, on any device; its mode is left as it is.
        normalizer: fitted on the training data.
        episodes: physical units; best such that were never trained on.
        context: observed steps o_0..o_{context-1}; horizon 1 is the forecast of o_context.
        horizon: number of blind steps L.
        stride: None means a quarter of the horizon.
        batch_size: windows predicted at once; changes the speed only.
        max_windows: score at most so many, evenly spread over all; None means every one.
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
    windows = spread(grid, limit)
    scores = _score(model, normalizer, sampler, windows, context, batch_size, torch.tensor(levels, dtype=torch.float64))
    return OpenLoopResult(
        context=context,
        stride=stride,
        windows=windows,
        available_windows=len(grid),
        skipped_episodes=sum(len(episode) < context for episode in episodes),
        window_nrmse=scores.squared_error.sqrt(),
        **_errors(scores, normalizer, horizon, torch.tensor(levels, dtype=torch.float64)),
    )


def default_context(model: WorldModel) -> int:
    """Steps to observe before a blind prediction: two windows of the slowest level, 30 for a model without windows."""
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
    device = next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))
    normalizer, levels = normalizer.to(device), levels.to(device)
    scores = WindowScores({}, torch.zeros(0, dtype=torch.float64))
    for raw in sampler.batches(windows, batch_size):
        scores = scores + WindowScores.of(model, raw.to(device).normalize(normalizer), context, levels)
    return scores


def _errors(scores: WindowScores, normalizer: Normalizer, horizon: int, levels: Tensor) -> dict[str, HorizonErrors]:
    scales = {False: normalizer.observation_scale, True: normalizer.reward_scale.reshape(1)}
    return {
        name: HorizonErrors.from_sums(sums.pad(horizon), scales[name.startswith("reward")], levels)
        for name, sums in scores.sums.items()
    }


def spread(grid: Tensor, limit: int) -> Tensor:
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
