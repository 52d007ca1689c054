"""Tables of a diagnosis as rows of text, for consoles and reports."""

from __future__ import annotations

import math

from mbrl_mts3.metrics.diagnosis.model_diagnosis import ModelDiagnosis
from mbrl_mts3.reporting.tables import Table

_STEPS = (1, 2, 5, 15, 30, 60, 150, 330)
MEASURES = {
    "state_mean": "states, mean",
    "state_median": "states, median",
    "reward": "rewards",
    "reward_function": "rewards, perfect",
    "reward_bias": "rewards, bias",
}
"""Rows of `step_error_table`, by the name in `StepErrors`."""


def step_error_table(diagnosis: ModelDiagnosis) -> Table:
    """Errors by step: a row for each measure and source, a column for each reported step."""
    steps = sorted({step for step in _STEPS if step < diagnosis.horizon} | {diagnosis.horizon})
    by_step = {name: vars(errors.by_step()) for name, errors in diagnosis.sources.items()}
    rows = [
        [label, name, *(_number(float(errors[measure][step - 1])) for step in steps)]
        for measure, label in MEASURES.items()
        for name, errors in by_step.items()
        if errors[measure] is not None
    ]
    return ["error of", "actions", *map(str, steps)], rows


def return_table(diagnosis: ModelDiagnosis) -> Table:
    """Mean returns over the whole horizon, imagined and true, a row for each source."""
    rows = []
    for name, errors in diagnosis.sources.items():
        imagined, true = (float(returns.mean()) for returns in errors.returns())
        rows.append([name, _number(imagined), _number(true), _number(errors.closed_loop_return)])
    return ["actions", "imagined", "simulator, same actions", "simulator, acting there"], rows


def rank_table(diagnosis: ModelDiagnosis) -> Table:
    """Spearman's rank correlations: a row for each kind of uncertainty and source."""
    rows = [
        [kind, source, *(_number(value) for rank in both.values() for value in (rank.over_all, rank.within_steps))]
        for kind, sources in diagnosis.rank_correlations().items()
        for source, both in sources.items()
    ]
    return ["uncertainty", "actions", "states", "states, step by step", "rewards", "rewards, step by step"], rows


def cut_table(diagnosis: ModelDiagnosis, kind: str) -> Table:
    """What a stop at each quantile leaves of each source's rollouts: the share of steps, and their error of states."""
    thresholds = diagnosis.thresholds(kind)
    rows = [
        [
            f"{quantile:g}" if quantile < 1 else "no stop",
            _number(thresholds.get(quantile)),
            *(f"{cut.kept:.0%}, {_number(cut.state_error)}" for cut in left.values()),
        ]
        for quantile, left in diagnosis.cuts(kind).items()
    ]
    return ["quantile", "threshold", *diagnosis.sources], rows


def _number(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3g}"
