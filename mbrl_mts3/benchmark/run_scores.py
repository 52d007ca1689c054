"""Every number of an evaluation by name, whatever the metrics offer."""

from __future__ import annotations

from dataclasses import fields

from torch import Tensor

from mbrl_mts3.metrics import HorizonErrors, ImputationResult, OpenLoopResult

INTERVALS = (0.5, 0.8, 0.95)
"""Probabilities of the intervals whose coverage is compared."""

_NO_ERRORS = {"count", "levels", "invalid"}


def horizon_curves(errors: HorizonErrors) -> dict[str, Tensor]:
    """All of `errors` that has one number per horizon, (L,) each, by the name of its field.

    A new field of `HorizonErrors` joins by itself. Coverage is given for the 50%, 80% and 95% intervals, as the share
    of targets inside (`coverage_50`) and as its distance from the nominal one (`coverage_error_50`).
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
    """`horizon_curves` of the predictors that know nothing of dynamics."""
    references = {"persistence": result.persistence, "training_mean": result.training_mean}
    return {name: horizon_curves(errors) for name, errors in references.items()}


def imputation_scalars(result: ImputationResult | None) -> dict[str, float]:
    """`horizon_curves` of the imputation test, one number each: `imputation_missing_nrmse` where o_t was missing,
    `imputation_shown_...` where it was shown; nothing without a test.
    """
    if result is None:
        return {}
    return {
        f"imputation_{part}_{name}": float(curve[0])
        for part, errors in (("missing", result.missing), ("shown", result.shown))
        for name, curve in horizon_curves(errors).items()
    }
