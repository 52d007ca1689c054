"""What an imputation test found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.horizon_errors import HorizonErrors
from mbrl_mts3.metrics.json_numbers import json_numbers


@dataclass(frozen=True, repr=False)
class ImputationResult:
    """Errors of one-step predictions while observations are missing; every tensor inside has one horizon."""

    rate: float
    """Probability of an observation to be missing."""
    seed: int
    """Of the masks."""
    context: int
    """Observed steps before the first one that may be missing."""
    windows: int
    shown: HorizonErrors
    """Predictions of o_{t+1} where o_t was shown."""
    missing: HorizonErrors
    """Predictions of o_{t+1} where o_t was missing, whatever was shown before."""
    persistence_shown: HorizonErrors
    """Repeats the last observation that was shown; where o_t was shown."""
    persistence_missing: HorizonErrors
    """The same where o_t was missing."""

    @property
    def parts(self) -> dict[str, HorizonErrors]:
        """All errors by name."""
        return {
            "shown": self.shown,
            "missing": self.missing,
            "persistence_shown": self.persistence_shown,
            "persistence_missing": self.persistence_missing,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; `steps` counts the predictions behind each part."""
        head = {"rate": self.rate, "seed": self.seed, "context": self.context, "windows": self.windows}
        return {**head, **{name: _numbers(errors) for name, errors in self.parts.items()}}

    def __repr__(self) -> str:
        found = (f"{name}={float(errors.nrmse[0]):.3g}" for name, errors in self.parts.items())
        return f"ImputationResult(rate={self.rate}, windows={self.windows}, nrmse: {', '.join(found)})"


def _numbers(errors: HorizonErrors) -> dict[str, Any]:
    known = errors.coverage is not None
    numbers = {
        "steps": int(errors.count[0]),
        "nrmse": errors.nrmse[0],
        "rmse": errors.rmse[0],
        "crps": errors.crps[0],
        "nll": None if errors.nll is None else errors.nll[0],
        "coverage": {str(level): errors.coverage_at(level)[0] for level in REPORTED_LEVELS} if known else None,
        "invalid": int(errors.invalid[0]),
    }
    return dict(json_numbers(numbers))
