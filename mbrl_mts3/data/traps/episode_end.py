"""Episodes that do not say how they ended, or say it too early."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding


def episode_end(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """Only the last step may terminate or truncate an episode, and it has to do one of the two."""
    ended = (episode.terminations.astype(np.bool_) | episode.truncations.astype(np.bool_)).reshape(-1)
    if not ended[-1]:
        yield Finding(
            "warning",
            "unmarked-end",
            "the last step is neither terminated nor truncated: the episode was cut where the data ends, or its flag "
            "is lost",
            "Mark the last step as truncated; no value may be bootstrapped as if it were terminal",
            episode.episode_id,
            len(episode) - 1,
        )
    if ended[:-1].any():
        yield Finding(
            "error",
            "end-inside",
            f"{int(ended[:-1].sum())} steps before the last one are terminated or truncated: several episodes stand "
            "in one",
            "Cut the episode there",
            episode.episode_id,
            int(np.argmax(ended)),
        )
