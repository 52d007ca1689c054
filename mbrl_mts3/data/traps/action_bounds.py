"""Actions that the action space does not hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

# Rounding of float32 around a bound is no finding.
_TOLERANCE = 1e-4


def action_bounds(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """The environment clips such actions, so the stored ones are not those that moved it."""
    space = survey.dataset.action_space
    if not isinstance(space, spaces.Box):
        return
    excess = np.maximum(space.low - episode.actions, episode.actions - space.high)
    rows = (excess > _TOLERANCE).reshape(len(excess), -1).any(axis=1)
    if rows.any():
        yield Finding(
            "error",
            "action-bounds",
            f"{int(rows.sum())} actions lie outside of the action space, by up to {float(np.nanmax(excess)):.3g}",
            "Clip the actions as the environment does, or correct the action space",
            episode.episode_id,
            int(np.argmax(rows)),
        )
