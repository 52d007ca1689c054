"""Steps inside of an episode at which the state is that of a start."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.observation_leaves import main_observation
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding
from mbrl_mts3.data.traps.observation_jumps import jump_scores
from mbrl_mts3.data.unexplained_changes import unexplained_changes

# Fewer episodes do not show where starts lie; fewer entries come back there by chance.
_EPISODES, _ENTRIES = 10, 8
# The region of the starts, made wider by this share of itself: other starts lie a little outside.
_WIDER = 0.2
# A state that drifts back to where it began is no new start.
_DRIFT = 0.2


def hidden_start(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """A reset that no flag tells: all entries come at once to where episodes start.

    Found where starts are alike, as in HalfCheetah and FrankaKitchen; in mazes, which start anywhere, jumps are.
    """
    starts = survey.starts
    if starts.count < _EPISODES or np.size(starts.mean) < _ENTRIES:
        return
    observations = main_observation(episode.observations)
    margin = _WIDER * (starts.high - starts.low)
    low, high = starts.low - margin, starts.high + margin
    inside = np.all((observations >= low) & (observations <= high), axis=1)
    scores = jump_scores(unexplained_changes(observations, survey.dataset.env_id), survey.large_change)
    entries = np.flatnonzero(inside[1:] & ~inside[:-1] & (scores > _DRIFT))
    if len(entries):
        yield Finding(
            "error",
            "hidden-start",
            f"at {len(entries)} steps inside of an episode the state comes at once to where episodes start: hidden "
            "resets",
            "Cut the episode there",
            episode.episode_id,
            int(entries[0]),
        )
