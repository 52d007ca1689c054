"""Open-loop results as rows of text, for consoles and reports alike."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.reporting.observation_units import with_unit

Table = tuple[list[str], list[list[str]]]


def error_table(result: OpenLoopResult) -> Table:
    """Header and rows: one row per measure and predictor, one column per reported horizon."""
    horizons = result.horizons()
    coverage = () if result.model.coverage is None else REPORTED_LEVELS
    lines: dict[str, Tensor | None] = {
        "NRMSE, model": result.model.nrmse,
        "NRMSE, repeat last observation": result.persistence.nrmse,
        "NRMSE, training mean": result.training_mean.nrmse,
        "NLL, model (nats)": result.model.nll,
        "NLL, training mean (nats)": result.training_mean.nll,
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
    """Header and rows: the model's RMSE of each dimension in its own unit by horizon."""
    horizons = result.horizons()
    errors = result.model.rmse_by_dimension
    rows = [
        [with_unit(name), *(cell("", float(errors[horizon - 1, place])) for horizon in horizons)]
        for place, name in enumerate(names)
    ]
    return ["steps ahead", *map(str, horizons)], rows


def cell(name: str, value: float) -> str:
    """A number as the row called `name` shows it."""
    if not math.isfinite(value):
        return "not finite"
    if name in ("windows", "predictions"):
        return f"{value:.0f}"
    if name.startswith(("coverage", "calibration")):
        return f"{value:.1%}"
    return f"{value:.3g}"
