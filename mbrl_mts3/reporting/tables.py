"""Tables of results as rows of text, for consoles and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.errors_by_horizon import HorizonErrors
from mbrl_mts3.metrics.imputation import ImputationResult
from mbrl_mts3.metrics.open_loop_evaluation import OpenLoopResult
from mbrl_mts3.reporting.prediction_plots import with_unit

Table = tuple[list[str], list[list[str]]]
"""Header and rows."""


def error_table(result: OpenLoopResult) -> Table:
    """Errors by horizon: one row per measure and predictor, one column per reported horizon."""
    horizons = result.horizons()
    coverage = () if result.model.coverage is None else REPORTED_LEVELS
    lines: dict[str, Tensor | None] = {
        "NRMSE, model": result.model.nrmse,
        "NRMSE, repeat last observation": result.persistence.nrmse,
        "NRMSE, training mean": result.training_mean.nrmse,
        "NRMSE, model, median window": result.model.nrmse_median,
        "NRMSE, repeat last, median window": result.persistence.nrmse_median,
        "NRMSE without noise, model": result.model.nrmse_signal if result.noise else None,
        "NRMSE without noise, repeat last": result.persistence.nrmse_signal if result.noise else None,
        "NLL, model (nats)": result.model.nll,
        "NLL, training mean (nats)": result.training_mean.nll,
        "NLL, model, trimmed (nats)": result.model.nll_trimmed,
        "RMSE, model (original units)": result.model.rmse,
        "RMSE, repeat last (original units)": result.persistence.rmse,
        "CRPS, model": result.model.crps,
        "CRPS, repeat last observation": result.persistence.crps,
        "CRPS, training mean": result.training_mean.crps,
        **{f"coverage of {level:.0%} intervals": result.model.coverage_at(level) for level in coverage},
        "calibration error": result.calibration_error,
        "NRMSE, reward": None if result.reward is None else result.reward.nrmse,
        "windows": result.model.count,
    }
    rows = [
        [name, *(cell(name, float(values[horizon - 1])) for horizon in horizons)]
        for name, values in lines.items()
        if values is not None
    ]
    return ["steps ahead", *map(str, horizons)], rows


def dimension_table(result: OpenLoopResult, names: Sequence[str]) -> Table:
    """RMSE of the model by horizon, one row per dimension in its own unit."""
    horizons = result.horizons()
    errors = result.model.rmse_by_dimension
    rows = [
        [with_unit(name), *(cell("", float(errors[horizon - 1, place])) for horizon in horizons)]
        for place, name in enumerate(names)
    ]
    return ["steps ahead", *map(str, horizons)], rows


def cell(name: str, value: float) -> str:
    """Format a number of the row `name`."""
    if not math.isfinite(value):
        return "not finite"
    if name in ("windows", "predictions"):
        return f"{value:.0f}"
    if name.startswith(("coverage", "calibration")):
        return f"{value:.1%}"
    return f"{value:.3g}"


def imputation_table(result: ImputationResult) -> Table:
    """Imputation test: one row per measure, one column for o_t shown and one for o_t missing."""
    shown = _imputation_measures(result.shown, result.persistence_shown)
    missing = _imputation_measures(result.missing, result.persistence_missing)
    rows = [
        [name, cell(name, float(value[0])), cell(name, float(other[0]))]
        for (name, value), other in zip(shown.items(), missing.values(), strict=True)
        if value is not None and other is not None
    ]
    return ["prediction of the next observation", "this one shown", "this one missing"], rows


def _imputation_measures(model: HorizonErrors, persistence: HorizonErrors) -> dict[str, Tensor | None]:
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


def recalibration_table(before: OpenLoopResult, after: OpenLoopResult) -> Table:
    """Recalibration: a row before and a row after for each measure, one column per reported horizon."""
    horizons = before.horizons()
    rows = []
    for (name, old), new in zip(
        _recalibration_measures(before).items(), _recalibration_measures(after).values(), strict=True
    ):
        for when, values in (("before", old), ("after", new)):
            if values is not None:
                cells = (cell(name, float(values[horizon - 1])) for horizon in horizons)
                rows.append([f"{name}, {when}", *cells])
    return ["steps ahead", *map(str, horizons)], rows


def _recalibration_measures(result: OpenLoopResult) -> dict[str, Tensor | None]:
    reward = result.reward if result.reward is not None and result.reward.coverage is not None else None
    return {
        **{f"coverage of {level:.0%} intervals": result.model.coverage_at(level) for level in REPORTED_LEVELS},
        "calibration error": result.calibration_error,
        "NLL (nats)": result.model.nll,
        "CRPS": result.model.crps,
        "coverage of 95% intervals of the reward": None if reward is None else reward.coverage_at(0.95),
    }
