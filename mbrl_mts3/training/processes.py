"""The processes of a training on several devices or machines."""

from __future__ import annotations

from lightning.fabric.utilities import rank_zero_only


def is_first_process() -> bool:
    """Whether this process is the one that tells and writes what came of a training; True where there is one alone."""
    return bool(getattr(rank_zero_only, "rank", 0) == 0)
