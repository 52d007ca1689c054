"""What runs of several commands have in common, as curves: learning over updates, errors and coverage by horizon."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mbrl_mts3.benchmark import Comparison
from mbrl_mts3.scripts.runs.catalogue import Run

Values = NDArray[np.float64]
Line = tuple[Values, Values]
Named = Sequence[tuple[str, Run]]
"""Runs with the names that the page gives them."""

_TRAINING = {
    "train/observation": "Training: negative log-likelihood",
    "validation/observation": "Validation: negative log-likelihood",
    "validation/rmse": "Validation: RMSE (1 = spread of the data)",
    "validation/crps": "Validation: CRPS",
}
_RETURNS = ("mean_return", "real_return")
_METRICS = ("nrmse", "nll")
_LEVEL = 0.95


def training_panels(runs: Named) -> dict[str, dict[str, Line]]:
    """Losses of trainings over their updates, by panel and run, as their CSV logger wrote them."""
    panels: dict[str, dict[str, Line]] = {}
    for name, run in runs:
        columns = _logged(run.folder) if run.command == "train" else {}
        for column, title in _TRAINING.items():
            if column in columns:
                panels.setdefault(title, {})[name] = columns[column]
    return panels


def policy_panels(runs: Named) -> dict[str, dict[str, Line]]:
    """Returns in the real environment while policies learn, by what is counted and by run."""
    panels: dict[str, dict[str, Line]] = {}
    for name, run in runs:
        for row_of, counted in (("curve", "updates"), ("learning_curve", "round")):
            rows: Sequence[Mapping[str, Any]] = run.result.get(row_of) or ()
            for key in _RETURNS:
                found = [(row[counted], row[key]) for row in rows if row.get(key) is not None]
                if found:
                    panels.setdefault(f"Real return by {counted}", {})[name] = _line(found)
    return panels


def horizon_curves(runs: Named) -> tuple[dict[str, dict[str, Values]], dict[str, dict[str, Values]]]:
    """Errors and coverage of evaluated models by horizon, (seeds, L) each, and those of the reference predictors."""
    models: dict[str, dict[str, Values]] = {}
    references: dict[str, dict[str, Values]] = {}
    for name, run in runs:
        for label, found in _predictors(name, run):
            models[label] = found
        for reference, errors in (run.result.get("predictors") or {}).items():
            if reference == "training_mean" and not references:
                references[reference] = {"nrmse": _numbers(errors["nrmse"])}
    return models, references


def reliability(runs: Named) -> dict[str, Line]:
    """Nominal probabilities of intervals and the shares of targets inside, mean over horizons, by model."""
    found = {}
    for name, run in runs:
        parts = {name: run.result, **{f"{name} {part}": run.result.get(part) or {} for part in ("before", "after")}}
        for label, part in parts.items():
            errors = (part.get("predictors") or {}).get("model") or {}
            if errors.get("coverage"):
                found[label] = _numbers(errors["levels"]), np.nanmean(_numbers(errors["coverage"]), axis=0)
    return found


def _predictors(name: str, run: Run) -> Iterator[tuple[str, dict[str, Values]]]:
    if run.command == "evaluate":
        errors = run.result["predictors"]["model"]
        found = {metric: _numbers(errors[metric])[None] for metric in _METRICS if errors.get(metric) is not None}
        if errors.get("coverage"):
            at = int(np.abs(_numbers(errors["levels"]) - _LEVEL).argmin())
            found["coverage_95"] = _numbers(errors["coverage"])[None, :, at]
        yield name, found
    if run.command == "benchmark":
        for folder in sorted(path for path in (run.folder / "runs").iterdir() if path.is_dir()):
            comparison = Comparison.read(folder)
            for label in comparison.labels:
                curves = {metric: comparison.curves(label, metric) for metric in (*_METRICS, "coverage_95")}
                yield f"{comparison.dataset}, {label}", {metric: one for metric, one in curves.items() if len(one)}


def _logged(folder: Path) -> dict[str, Line]:
    """The columns of a training's metrics.csv over its updates; nothing where it kept no CSV."""
    path = folder / "logs" / "csv" / "metrics.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = set(rows[0] if rows else ()) - {"step", "epoch"}
    columns = {name: [(row["step"], row[name]) for row in rows if row.get(name) and row.get("step")] for name in names}
    return {name: _line(found) for name, found in columns.items() if found}


def _line(pairs: Sequence[tuple[Any, Any]]) -> Line:
    steps, values = np.array(pairs, dtype=np.float64).T
    return steps, values


def _numbers(values: Any) -> Values:
    """Numbers of a JSON file, where null stands for what is not finite."""
    return np.array(values, dtype=np.float64)
