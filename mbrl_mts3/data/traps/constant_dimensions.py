"""Entries that never change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

# Relative to the size of the entry: less is rounding.
_CONSTANT = 1e-6


def constant_dimensions(survey: Survey) -> Iterator[Finding]:
    """They carry no information, and a normaliser would divide by their spread.

    Goals are left out: a fixed goal is a task, not a fault.
    """
    leaves = {MAIN_KEY: survey.observations[MAIN_KEY]} if MAIN_KEY in survey.observations else survey.observations
    for leaf, moments in leaves.items():
        names = known_names(survey.dataset.env_id, int(np.size(moments.mean))) if leaf == MAIN_KEY else None
        yield from _constant(leaf, names, moments.mean, moments.deviation, moments.count)
    yield from _constant("actions", None, survey.actions.mean, survey.actions.deviation, survey.actions.count)


def _constant(
    leaf: str, names: tuple[str, ...] | None, mean: np.ndarray, deviation: np.ndarray, count: int
) -> Iterator[Finding]:
    still = np.flatnonzero(deviation <= _CONSTANT * np.maximum(1.0, np.abs(mean)))
    if count > 1 and len(still):
        called = ", ".join(names[place] if names else f"{leaf}/{place}" for place in still)
        yield Finding(
            "warning",
            f"constant {leaf}",
            f"{len(still)} of {np.size(mean)} entries of {leaf} never change: {called}",
            "Leave them out with observation=[...]" if leaf != "actions" else "Nothing is learned of their effect",
        )
