"""Arguments of evaluations and of imagination out of the options that several commands have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from mbrl_mts3.data import Episode, Normalizer
from mbrl_mts3.metrics import REPORTED_HORIZONS, OpenLoopResult, check_lengths, default_context, evaluate_open_loop
from mbrl_mts3.models import WorldModel


def choose_lengths(config: DictConfig, model: WorldModel, parts: Sequence[Sequence[Episode]]) -> tuple[int, int]:
    """Observed and predicted steps of open-loop windows that every part has room for.

    Raises:
        EpisodeTooShortError: a part has no episode for what the options say.
    """
    context: int = config.context if config.context is not None else default_context(model)
    longest = min(max(len(episode) for episode in part) for part in parts)
    room = max(1, min(REPORTED_HORIZONS[-1], longest - context + 1))
    horizon: int = config.horizon if config.horizon is not None else room
    for part in parts:
        check_lengths(part, context, horizon)
    return context, horizon


def score_open_loop(
    config: DictConfig,
    model: WorldModel,
    normalizer: Normalizer,
    episodes: Sequence[Episode],
    context: int,
    horizon: int,
) -> OpenLoopResult:
    """Evaluate a model with the options of a command."""
    options = window_options(config, context, horizon)
    return evaluate_open_loop(model, normalizer, episodes, **options, max_windows=config.max_windows)


def window_options(config: DictConfig, context: int, horizon: int) -> dict[str, Any]:
    """Arguments of what predicts windows of episodes, out of a command's options."""
    return {"context": context, "horizon": horizon, "stride": config.stride, "batch_size": config.batch_size}


def uncertainty_options(config: DictConfig) -> dict[str, Any]:
    """Arguments of `load_dynamics` out of a command's options `uncertainty`."""
    chosen = config.uncertainty
    return {
        "uncertainty": chosen.kind,
        "uncertainty_penalty": chosen.penalty,
        "uncertainty_budget": chosen.budget,
    }
