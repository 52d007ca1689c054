"""Slow latents of MTS3 along episodes, for inspection and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.state_space.mts3 import MTS3
from mbrl_mts3.tensor_record import TensorRecord, concatenate


@torch.no_grad()
def collect_slow_latents(
    model: WorldModel, normalizer: Normalizer, episodes: Sequence[Episode], level: int | None = None
) -> SlowLatents:
    """Filter fully observed episodes and collect the latent of a slow level at the end of each of its cells.

    Args:
        model: an MTS3 with slow levels, in normalised units; its mode is left as it is.
        normalizer: of the model.
        episodes: physical units; steps after the last full cell are left out.
        level: 1 is the fastest of the slow levels; None takes the slowest.

    Raises:
        ConfigurationError: the model has no slow latents, or no such level.
        EpisodeTooShortError: no episode is as long as a cell.
    """
    mts3, level = _select_level(model, level)
    period = mts3.slow_levels[level - 1].period
    longest = max((len(episode) for episode in episodes), default=0)
    if longest < period:
        raise EpisodeTooShortError(
            f"level {level} has cells of {period} steps, the longest of {len(episodes)} episodes has {longest}: "
            "choose a faster level or longer episodes"
        )
    training = model.training
    model.eval()
    try:
        return concatenate(
            [_filter_episode(mts3, normalizer, episode, index, level, period) for index, episode in enumerate(episodes)]
        )
    finally:
        model.train(training)


def _filter_episode(
    model: MTS3, normalizer: Normalizer, episode: Episode, index: int, level: int, period: int
) -> SlowLatents:
    device = model.noise.raw.device
    normalizer = normalizer.to(device)
    observations = normalizer.normalize_observation(torch.as_tensor(episode.observations, device=device))[None]
    actions = normalizer.normalize_action(torch.as_tensor(episode.actions, device=device))[None]
    belief, means = model.initial_belief(1), []
    for first in range(0, len(episode) - period + 1, period):
        cell = slice(first, first + period)
        belief, _ = model.filter(observations[:, cell], actions[:, cell], None, belief)
        means.append(belief.levels[level - 1].state.mean[0].cpu())
    steps = torch.arange(1, len(means) + 1) * period
    size = 2 * model.options.slow_size
    mean: Tensor = torch.stack(means) if means else torch.zeros(0, size)
    return SlowLatents(mean, torch.full_like(steps, index), steps)


def _select_level(model: WorldModel, level: int | None) -> tuple[MTS3, int]:
    if not isinstance(model, MTS3) or not model.slow_levels:
        levels = "with time_scales=()" if isinstance(model, MTS3) else "which keeps no latents of several time scales"
        raise ConfigurationError(
            f"this model has no slow latents: it is a {type(model).__name__} {levels}. Models that have some are MTS3 "
            "with at least one slow level, such as model=mts3 and model=mts3_three_levels"
        )
    count = len(model.slow_levels)
    if level is not None and not 1 <= level <= count:
        raise ConfigurationError(f"this model has the slow levels 1 to {count} (1 is the fastest), got level={level}")
    return model, count if level is None else level


@dataclass(frozen=True, repr=False)
class SlowLatents(TensorRecord):
    """Posterior means of the latent of one slow level at the ends of its cells, episode by episode, on the CPU."""

    mean: Tensor
    """(N, 2n): mean of x_k given everything observed in cell k and before."""
    episode: Tensor
    """(N,) int64: index of the episode in the given sequence."""
    step: Tensor
    """(N,) int64: number of steps of the episode up to the end of the cell."""
