"""Hidden boundaries of episodes: the state is suddenly somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mbrl_mts3.data.observation_leaves import main_observation
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding
from mbrl_mts3.data.unexplained_changes import unexplained_changes

Array = np.ndarray[Any, np.dtype[Any]]

# In changes that 99% of the steps stay below. Real episodes of HalfCheetah and FrankaKitchen stay below 1.5; a point
# that hits the corner of a maze reached 8, jumps to another place in a maze mostly lie above 40.
_SUSPICIOUS, _CERTAIN = 3.0, 10.0


def jump_scores(changes: Array, large_change: Array) -> Array:
    """How far each step jumps, (T,): the change, in large changes, that half of the entries reach or pass.

    A robust z-score: its scale is a quantile of all changes, per entry, so that a few jumps hardly move it; half of the
    entries have to jump together, for one alone may be a contact or an angle that wraps around.

    Args:
        changes: (T, k), see `unexplained_changes`.
        large_change: (k,), see `Survey`; entries without one never move and are left out.
    """
    moving = large_change > 0
    if not moving.any() or len(changes) == 0:
        return np.zeros(len(changes))
    # "lower": of two entries, the smaller.
    result: Array = np.quantile(changes[:, moving] / large_change[moving], 0.5, axis=1, method="lower")
    return result


def observation_jumps(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """Dynamics learned across such a step are those of a reset.

    Where one step moves a state as far as a reset does (HalfCheetah), nothing is found here: see `hidden_start`.
    """
    changes = unexplained_changes(main_observation(episode.observations), survey.dataset.env_id)
    scores = np.nan_to_num(jump_scores(changes, survey.large_change))
    jumps = np.flatnonzero(scores > _SUSPICIOUS)
    if len(jumps):
        worst = float(scores.max())
        certain = worst > _CERTAIN
        yield Finding(
            "error" if certain else "warning",
            "observation-jump",
            f"observations jump at {len(jumps)} steps, by up to {worst:.1f} times of what 99% of the steps stay below: "
            + ("a hidden boundary between two episodes" if certain else "an impact, or a hidden boundary"),
            "Cut the episode there" if certain else "Look at these steps",
            episode.episode_id,
            int(np.argmax(scores > (_CERTAIN if certain else _SUSPICIOUS))),
        )
