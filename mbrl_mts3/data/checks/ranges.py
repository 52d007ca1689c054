"""Checks of ranges: values beyond float32, beyond the declared space, and single values that outweigh all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.finding import Finding, first_place
from mbrl_mts3.data.checks.statistics import DatasetStatistics
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.observations import number_leaves

_LARGEST = float(np.finfo(np.float32).max)
# Beyond it float32 no longer tells whole numbers apart.
_HUGE = 1e8
# Smaller values are no outliers, however rare: a sparse reward is one of few that are not zero.
_NOTABLE = 1e3
# Share of the variance of all rows that one value has alone.
_SHARE = 0.25
# Beyond the bounds by so much of their distance is more than rounding.
_TOLERANCE = 1e-3


def check_magnitudes(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of magnitudes: one huge value decides a normaliser, and beyond float32 loading refuses it."""
    arrays = [*number_leaves(episode.observations), ("actions", episode.actions), ("rewards", episode.rewards)]
    moments = {**statistics.observations, "actions": statistics.actions, "rewards": statistics.rewards}
    for name, array in arrays:
        rows = array.reshape(len(array), -1).astype(np.float64)
        size = np.where(np.isfinite(rows), np.abs(rows), 0.0)
        if (size > _LARGEST).any():
            yield Finding(
                "error",
                f"beyond-float32 {name}",
                f"{name} reach {size.max():.3g}, and models compute in float32, which ends at {_LARGEST:.3g}",
                "Repair or drop the episode, or record other units",
                *first_place(episode, (size > _LARGEST).any(axis=1)),
            )
            continue
        found = moments[name]
        far = np.where(np.isfinite(rows), np.abs(rows - found.mean.reshape(-1)), 0.0)
        alone = (far > _NOTABLE) & (far > np.sqrt(_SHARE * found.count) * found.deviation.reshape(-1))
        outlying = (size > _HUGE) | alone
        if outlying.any():
            yield Finding(
                "warning",
                f"outlier {name}",
                f"{int(outlying.any(axis=1).sum())} rows of {name} hold values up to {size[outlying].max():.3g} in "
                "size: each outweighs all others in means, deviations and losses",
                "Look at these steps; repair or drop the episode",
                *first_place(episode, outlying.any(axis=1)),
            )


def check_observation_bounds(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of observations outside of the bounds that their own space declares."""
    boxes = dict(_boxes(statistics.dataset.observation_space))
    for name, array in number_leaves(episode.observations):
        if name not in boxes:
            continue
        excess = _excess(array, boxes[name])
        rows = (excess > 0).reshape(len(excess), -1).any(axis=1)
        if rows.any():
            yield Finding(
                "warning",
                f"bounds of {name}",
                f"{int(rows.sum())} rows of {name} lie outside of the bounds of their space, by up to "
                f"{float(np.nanmax(excess)):.3g}",
                "Correct the space, or find out where these values come from",
                *first_place(episode, rows),
            )


def _excess(array: Array, box: spaces.Box) -> Array:
    """How far each value lies outside of a box, beyond rounding; 0 inside."""
    low, high = box.low.astype(np.float64), box.high.astype(np.float64)
    width = np.where(np.isfinite(high - low), high - low, 1.0)
    with np.errstate(invalid="ignore"):
        excess = np.maximum(low - array, array - high)
    result: Array = np.where(excess > _TOLERANCE * np.maximum(width, 1e-6), excess, 0.0)
    return result


def _boxes(space: spaces.Space[Any], prefix: str = "") -> Iterator[tuple[str, spaces.Box]]:
    """The boxes in a space, by the names of `observation_leaves`."""
    if isinstance(space, spaces.Dict | spaces.Tuple):
        parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in parts:
            yield from _boxes(part, f"{prefix}{key}/")
    elif isinstance(space, spaces.Box):
        yield prefix.rstrip("/") or MAIN_KEY, space
