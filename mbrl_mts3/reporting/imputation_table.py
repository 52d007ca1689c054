"""An imputation test as rows of text, for consoles and reports alike."""

from __future__ import annotations

from torch import Tensor

from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.horizon_errors import HorizonErrors
from mbrl_mts3.metrics.imputation_result import ImputationResult
from mbrl_mts3.reporting.open_loop_tables import Table, cell


def imputation_table(result: ImputationResult) -> Table:
    """Header and rows: one row per measure, one column for o_t shown and one for o_t missing."""
    shown = _measures(result.shown, result.persistence_shown)
    missing = _measures(result.missing, result.persistence_missing)
    rows = [
        [name, cell(name, float(value[0])), cell(name, float(other[0]))]
        for (name, value), other in zip(shown.items(), missing.values(), strict=True)
        if value is not None and other is not None
    ]
    return ["prediction of the next observation", "this one shown", "this one missing"], rows


def _measures(model: HorizonErrors, persistence: HorizonErrors) -> dict[str, Tensor | None]:
    levels = () if model.coverage is None else REPORTED_LEVELS
    return {
        "NRMSE, model": model.nrmse,
        "NRMSE, repeat last shown observation": persistence.nrmse,
        "NLL, model (nats)": model.nll,
        "CRPS, model": model.crps,
        "CRPS, repeat last shown observation": persistence.crps,
        **{f"coverage of {level:.0%} intervals": model.coverage_at(level) for level in levels},
        "predictions": model.count,
    }
