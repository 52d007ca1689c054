"""Checks of episodes: jumps, duplicates, end flags, hidden resets and time limits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.finding import Finding, first_place
from mbrl_mts3.data.checks.statistics import DatasetStatistics, velocity_residuals
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.observations import main_observation
from mbrl_mts3.wording import counted

# Thresholds of `jump_scores`. Real episodes of HalfCheetah and FrankaKitchen stay below 1.5; a point
# that hits the corner of a maze reached 8, jumps to another place in a maze mostly lie above 40.
_SUSPICIOUS, _CERTAIN = 3.0, 10.0


def jump_scores(changes: Array, large_change: Array) -> Array:
    """Jump score of each step, (T,): the change that half of the entries reach, in units of `large_change`.

    A robust z-score: its scale is a quantile of all changes, per entry, so that a few jumps hardly move it; half of the
    entries have to jump together, for one alone may be a contact or an angle that wraps around.

    Args:
        changes: (T, k), see `velocity_residuals`.
        large_change: (k,), see `DatasetStatistics`; entries without one never move and are left out.
    """
    moving = large_change > 0
    if not moving.any() or len(changes) == 0:
        return np.zeros(len(changes))
    # "lower": of two entries, the smaller.
    result: Array = np.quantile(changes[:, moving] / large_change[moving], 0.5, axis=1, method="lower")
    return result


def check_observation_jumps(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for jumps of the state: a model would learn such a step, often a reset, as dynamics.

    Where one step moves a state as far as a reset does (HalfCheetah), nothing is found here: see `check_hidden_reset`.
    """
    changes = velocity_residuals(main_observation(episode.observations), statistics.dataset.env_id)
    scores = np.nan_to_num(jump_scores(changes, statistics.large_change))
    jumps = np.flatnonzero(scores > _SUSPICIOUS)
    if len(jumps):
        worst = float(scores.max())
        certain = worst > _CERTAIN
        yield Finding(
            "error" if certain else "warning",
            "observation-jump",
            f"observations jump at {counted(len(jumps), 'step')}, by up to {worst:.1f} times the change that 99% of "
            "the steps stay below: "
            + ("a hidden boundary between two episodes" if certain else "an impact, or a hidden boundary"),
            "Cut the episode there" if certain else "Look at these steps",
            *first_place(episode, scores > (_CERTAIN if certain else _SUSPICIOUS)),
        )


def check_duplicated_episodes(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for duplicated episodes: a copy in the training data shows a model the answers of the test data."""
    first: dict[str, int] = {}
    copies: list[tuple[int, int]] = []
    for episode_id, digest in zip(statistics.episode_ids.tolist(), statistics.hashes, strict=True):
        if digest in first:
            copies.append((episode_id, first[digest]))
        first.setdefault(digest, episode_id)
    if copies:
        shown = ", ".join(f"{copy} = {original}" for copy, original in copies[:5])
        more = f" and {len(copies) - 5} more" if len(copies) > 5 else ""
        yield Finding(
            "error",
            "duplicated-episodes",
            f"{len(copies)} of {len(statistics.hashes)} episodes equal an earlier one, value by value: {shown}{more}",
            "Drop the copies before the data is split",
            copies[0][0],
        )


def check_counts(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of the number of steps against what the file says of itself."""
    told, found = statistics.dataset.total_steps, statistics.total_steps
    if told != found:
        yield Finding(
            "warning",
            "metadata-counts",
            f"the metadata tell {counted(told, 'step')}, the file holds {found:,}",
            "The recording may have been interrupted, or the file changed: find out before you use it",
        )


def check_episode_end(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of end flags: only the last step may terminate or truncate an episode, and one of the two must hold."""
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
            *first_place(episode, ended),
        )


# With fewer episodes the region of starts is not known; fewer entries return to it by chance.
_EPISODES, _ENTRIES = 10, 8
# The region of the starts, made wider by this share of itself: other starts lie a little outside.
_WIDER = 0.2
# A state that drifts back to where it began is no new start.
_DRIFT = 0.2


def check_hidden_reset(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for resets without a flag: all entries jump at once to the region where episodes start.

    It finds them where starts are alike, as in HalfCheetah and FrankaKitchen; in mazes, which start anywhere,
    `check_observation_jumps` does.
    """
    starts = statistics.starts
    if starts.count < _EPISODES or np.size(starts.mean) < _ENTRIES:
        return
    observations = main_observation(episode.observations)
    margin = _WIDER * (starts.high - starts.low)
    low, high = starts.low - margin, starts.high + margin
    inside = np.all((observations >= low) & (observations <= high), axis=1)
    scores = jump_scores(velocity_residuals(observations, statistics.dataset.env_id), statistics.large_change)
    entries = np.flatnonzero(inside[1:] & ~inside[:-1] & (scores > _DRIFT))
    if len(entries):
        yield Finding(
            "error",
            "hidden-start",
            f"at {counted(len(entries), 'step')} inside of an episode the state comes at once to where episodes "
            "start: hidden resets",
            "Cut the episode there",
            episode.episode_id,
            int(entries[0]),
        )


def check_time_limit(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of time limits: a terminal state has no future reward, a truncated episode has."""
    limit, steps = statistics.dataset.max_episode_steps, len(episode)
    terminated = bool(episode.terminations.reshape(-1)[-1])
    truncated = bool(episode.truncations.reshape(-1)[-1])
    if limit is not None and steps > limit:
        yield Finding(
            "error",
            "beyond-limit",
            f"an episode has {counted(steps, 'step')}, the environment cuts at {limit}: it may be several episodes in "
            "one",
            "Look for the hidden boundary and cut there",
            episode.episode_id,
            limit,
        )
    if not terminated:
        return
    if _never_terminates(statistics):
        yield Finding(
            "error",
            "impossible-termination",
            f"an episode of {counted(steps, 'step')} is flagged as terminated, {statistics.dataset.env_id} never "
            "terminates",
            "Move the flag to truncations",
            episode.episode_id,
            steps - 1,
        )
    elif steps == limit and not truncated:
        yield Finding(
            "warning",
            "limit-as-termination",
            f"an episode ends at the time limit ({counted(limit, 'step')}) and is flagged as terminated, not as "
            "truncated",
            "Move the flag to truncations unless the last state is terminal",
            episode.episode_id,
            steps - 1,
        )


def _never_terminates(statistics: DatasetStatistics) -> bool:
    env_id, options = statistics.dataset.env_id or "", statistics.dataset.env_options
    return "HalfCheetah" in env_id or ("PointMaze" in env_id and options.get("continuing_task", False) is True)
