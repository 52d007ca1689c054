"""NaN and infinity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.observation_leaves import observation_leaves
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding


def non_finite(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """One NaN reaches every weight of a model within one update."""
    arrays = [*observation_leaves(episode.observations), ("actions", episode.actions), ("rewards", episode.rewards)]
    for name, array in arrays:
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            yield Finding(
                "error",
                f"non-finite {name}",
                f"{name} hold NaN or infinity in {int((~finite).sum())} of {len(finite)} rows",
                "Repair or drop the episode",
                episode.episode_id,
                int(np.argmin(finite)),
            )
