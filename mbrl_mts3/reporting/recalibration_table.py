"""What a recalibration changed, as rows of text."""

from __future__ import annotations

from torch import Tensor

from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.reporting.open_loop_tables import Table, cell


def recalibration_table(before: OpenLoopResult, after: OpenLoopResult) -> Table:
    """Header and rows: for each measure a row before and one after, one column per reported horizon."""
    horizons = before.horizons()
    rows = []
    for (name, old), new in zip(_measures(before).items(), _measures(after).values(), strict=True):
        for when, values in (("before", old), ("after", new)):
            if values is not None:
                cells = (cell(name, float(values[horizon - 1])) for horizon in horizons)
                rows.append([f"{name}, {when}", *cells])
    return ["steps ahead", *map(str, horizons)], rows


def _measures(result: OpenLoopResult) -> dict[str, Tensor | None]:
    reward = result.reward if result.reward is not None and result.reward.coverage is not None else None
    return {
        **{f"coverage of {level:.0%} intervals": result.model.coverage_at(level) for level in REPORTED_LEVELS},
        "calibration error": result.calibration_error,
        "NLL (nats)": result.model.nll,
        "CRPS": result.model.crps,
        "coverage of 95% intervals of the reward": None if reward is None else reward.coverage_at(0.95),
    }
