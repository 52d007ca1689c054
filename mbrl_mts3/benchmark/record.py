"""The record of one benchmark run: every score by name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from mbrl_mts3.benchmark.options import RunOptions
from mbrl_mts3.errors import ResultError
from mbrl_mts3.files import to_jsonable, write_atomically
from mbrl_mts3.metrics import HorizonErrors, ImputationResult, OpenLoopResult

FORMAT_VERSION = 1

INTERVALS = (0.5, 0.8, 0.95)
"""Probabilities of the intervals whose coverage is compared."""

_NO_ERRORS = {"count", "levels", "invalid"}

Curves = dict[str, tuple[float, ...]]
"""By metric; entry h - 1 is horizon h. Numbers that are not finite are NaN after loading."""


@dataclass(frozen=True, repr=False)
class RunRecord:
    """The record of a benchmark run: one model, one data set, one seed."""

    dataset: str
    """Name of the data set in files and tables; its id is in `options`."""
    label: str
    seed: int
    options: RunOptions
    curves: Curves
    """Curves of the model; see `model_curves`."""
    references: dict[str, Curves]
    """Curves of "persistence" and "training_mean", which are the same for all models."""
    sliding: Curves
    """Metrics of sliding windows; `first_horizon` is the first step of each window."""
    scalars: dict[str, float]
    """Numbers without a horizon: parameters, updates, training_seconds, ..."""
    versions: dict[str, str]

    @property
    def horizon(self) -> int:
        """Number of open-loop steps."""
        return len(self.curves["nrmse"])

    def save(self, path: Path) -> Path:
        """Write a JSON file, complete or not at all."""
        content = {"format_version": FORMAT_VERSION, **vars(self), "options": self.options.to_json()}
        return write_atomically(path, (json.dumps(to_jsonable(content), allow_nan=False) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> RunRecord:
        """Read a record that `save` wrote.

        Raises:
            ResultError: the file is damaged or has another format version.
        """
        try:
            stored = json.loads(path.read_text())
            version = stored.pop("format_version")
            if version == FORMAT_VERSION:
                return cls(**_fields(stored))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ResultError(
                f"{path} is damaged ({type(error).__name__}: {error}): delete it and run again"
            ) from error
        raise ResultError(f"{path} has format version {version}, this release reads {FORMAT_VERSION}: run it again")


def _fields(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **stored,
        "options": RunOptions.from_json(stored["options"]),
        "curves": _curves(stored["curves"]),
        "references": {name: _curves(curves) for name, curves in stored["references"].items()},
        "sliding": _curves(stored["sliding"]),
        "scalars": {name: _number(value) for name, value in stored["scalars"].items()},
    }


def _curves(stored: Mapping[str, list[float | None]]) -> Curves:
    return {name: tuple(map(_number, values)) for name, values in stored.items()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def horizon_curves(errors: HorizonErrors) -> dict[str, Tensor]:
    """Every metric of `errors` that has one number per horizon, (L,) each, by the name of its field.

    New fields of `HorizonErrors` are included automatically. Coverage is given for the 50%, 80% and 95% intervals, as
    the share of targets inside (`coverage_50`) and as its distance from the nominal one (`coverage_error_50`).
    """
    values = {item.name: getattr(errors, item.name) for item in fields(errors) if item.name not in _NO_ERRORS}
    curves = {name: value for name, value in values.items() if isinstance(value, Tensor) and value.ndim == 1}
    if errors.coverage is not None:
        for level in INTERVALS:
            observed = errors.coverage_at(level)
            curves[f"coverage_{level * 100:.0f}"] = observed
            curves[f"coverage_error_{level * 100:.0f}"] = (observed - level).abs()
    return curves


def model_curves(result: OpenLoopResult) -> dict[str, Tensor]:
    """`horizon_curves` of the model, its calibration error, and the reward head's curves as `reward_...`."""
    curves = horizon_curves(result.model)
    if result.calibration_error is not None:
        curves["calibration_error"] = result.calibration_error
    if result.reward is not None:
        curves |= {f"reward_{name}": curve for name, curve in horizon_curves(result.reward).items()}
    return curves


def reference_curves(result: OpenLoopResult) -> dict[str, dict[str, Tensor]]:
    """`horizon_curves` of the reference predictors, which have no dynamics."""
    references = {"persistence": result.persistence, "training_mean": result.training_mean}
    return {name: horizon_curves(errors) for name, errors in references.items()}


def imputation_scalars(result: ImputationResult | None) -> dict[str, float]:
    """`horizon_curves` of the imputation test, one number each; nothing without a test.

    `imputation_missing_nrmse` and others are of predictions where o_t was missing, `imputation_shown_...` where it was
    shown.
    """
    if result is None:
        return {}
    return {
        f"imputation_{part}_{name}": float(curve[0])
        for part, errors in (("missing", result.missing), ("shown", result.shown))
        for name, curve in horizon_curves(errors).items()
    }
