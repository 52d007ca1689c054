"""Checks of offline data: one pure function each, that tells what it finds; and the card of a data set."""

from mbrl_mts3.data.checks.finding import Finding
from mbrl_mts3.data.checks.registry import (
    EPISODE_CHECKS,
    LAYOUT_CHECK,
    STATISTICS_CHECKS,
    EpisodeCheck,
    StatisticsCheck,
    run_checks,
)

__all__ = [
    "EPISODE_CHECKS",
    "LAYOUT_CHECK",
    "STATISTICS_CHECKS",
    "EpisodeCheck",
    "Finding",
    "StatisticsCheck",
    "run_checks",
]
