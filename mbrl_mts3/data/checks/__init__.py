"""Checks of offline data, each a pure function that yields findings, and the data card of a data set."""

from mbrl_mts3.data.checks.finding import Finding
from mbrl_mts3.data.checks.registry import run_checks

__all__ = ["Finding", "run_checks"]
