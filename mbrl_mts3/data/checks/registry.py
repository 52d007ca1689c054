"""The registry of data checks, and the run of all of them on one data set.

A new check is one function that yields findings, and one entry here. Episode checks see one episode after the other,
statistics checks see the statistics only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from mbrl_mts3.data.checks.arrays import (
    check_action_bounds,
    check_constant_dimensions,
    check_dtypes,
    check_flags,
    check_kitchen_layout,
    check_layout,
    check_non_finite,
    check_spaces,
)
from mbrl_mts3.data.checks.episodes import (
    check_counts,
    check_duplicated_episodes,
    check_episode_end,
    check_hidden_reset,
    check_observation_jumps,
    check_time_limit,
)
from mbrl_mts3.data.checks.finding import Finding
from mbrl_mts3.data.checks.maze import (
    check_reward_timing,
    check_stale_goal,
    check_stale_observation,
    check_success_radius,
)
from mbrl_mts3.data.checks.ranges import check_magnitudes, check_observation_bounds
from mbrl_mts3.data.checks.rewards import check_kitchen_rewards, check_locomotion_rewards, check_reward_scale
from mbrl_mts3.data.checks.statistics import DatasetStatistics
from mbrl_mts3.data.episode import RawEpisode

EpisodeCheck = Callable[[RawEpisode, DatasetStatistics], Iterator[Finding]]
StatisticsCheck = Callable[[DatasetStatistics], Iterator[Finding]]

LAYOUT_CHECK: EpisodeCheck = check_layout
"""Runs first: an episode in which it finds something is left out by the other episode checks."""
EPISODE_CHECKS: tuple[EpisodeCheck, ...] = (
    check_non_finite,
    check_magnitudes,
    check_observation_bounds,
    check_flags,
    check_action_bounds,
    check_episode_end,
    check_time_limit,
    check_observation_jumps,
    check_hidden_reset,
    check_reward_timing,
    check_stale_goal,
    check_stale_observation,
    check_success_radius,
    check_kitchen_rewards,
    check_locomotion_rewards,
)
STATISTICS_CHECKS: tuple[StatisticsCheck, ...] = (
    check_spaces,
    check_counts,
    check_dtypes,
    check_constant_dimensions,
    check_duplicated_episodes,
    check_kitchen_layout,
    check_reward_scale,
)


def run_checks(statistics: DatasetStatistics) -> tuple[Finding, ...]:
    """Run all checks of a data set, in one more pass over it, and return their findings, errors first.

    Args:
        statistics: of the data set to check.

    Returns:
        One finding for each name; the place is that of the first occurrence.
    """
    found: list[Finding] = [finding for check in STATISTICS_CHECKS for finding in check(statistics)]
    merged = _MergedFindings()
    for episode in statistics.dataset.read():
        broken = list(LAYOUT_CHECK(episode, statistics))
        merged.add(broken)
        if not broken:
            for check in EPISODE_CHECKS:
                merged.add(check(episode, statistics))
    found += merged.findings
    return tuple(sorted(found, key=lambda finding: (finding.severity, finding.name)))


class _MergedFindings:
    """Keeps the first finding of each kind and counts the episodes of the others: a damaged set may have millions."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Finding] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in {(finding.severity, finding.name): finding for finding in findings}.values():
            key = (finding.severity, finding.name)
            known = self._first.get(key)
            self._first[key] = finding if known is None else replace(known, occurrences=known.occurrences + 1)

    @property
    def findings(self) -> list[Finding]:
        return list(self._first.values())
