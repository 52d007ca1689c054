"""What one run found."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbrl_mts3.benchmark.run_options import RunOptions
from mbrl_mts3.errors import ResultError
from mbrl_mts3.metrics import json_numbers
from mbrl_mts3.reporting.atomic_write import write_atomically

FORMAT_VERSION = 1

Curves = dict[str, tuple[float, ...]]
"""By metric, entry h - 1 speaks of horizon h; what was not finite is NaN once it has been stored."""


@dataclass(frozen=True, repr=False)
class RunRecord:
    """One model, one data set, one seed."""

    dataset: str
    """Name of the data set in files and tables; its id is in `options`."""
    label: str
    seed: int
    options: RunOptions
    curves: Curves
    """The model's; see `model_curves`."""
    references: dict[str, Curves]
    """Those of "persistence" and "training_mean", which are the same for all models."""
    sliding: Curves
    """By metric over sliding windows; `first_horizon` says where each window starts."""
    scalars: dict[str, float]
    """Numbers without a horizon: parameters, updates, training_seconds, ..."""
    versions: dict[str, str]

    @property
    def horizon(self) -> int:
        """Number of blind steps."""
        return len(self.curves["nrmse"])

    def save(self, path: Path) -> Path:
        """Write a JSON file, whole or not at all."""
        content = {"format_version": FORMAT_VERSION, **vars(self), "options": self.options.to_json()}
        return write_atomically(path, (json.dumps(json_numbers(content), allow_nan=False) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> RunRecord:
        """Read what `save` wrote.

        Raises:
            ResultError: the file is damaged or of another format version.
        """
        try:
            stored = json.loads(path.read_text())
            version = stored.pop("format_version")
            if version == FORMAT_VERSION:
                return cls(**_with_numbers(stored))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ResultError(
                f"{path} is damaged ({type(error).__name__}: {error}): delete it and run again"
            ) from error
        raise ResultError(f"{path} has format version {version}, this release reads {FORMAT_VERSION}: run it again")


def _with_numbers(stored: Mapping[str, Any]) -> dict[str, Any]:
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
