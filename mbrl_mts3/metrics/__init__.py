"""Metrics: open-loop errors, calibration, slow latents, values of policies."""

from mbrl_mts3.metrics.calibration import (
    LEVELS,
    REPORTED_LEVELS,
    central_quantile,
    coverage,
    expected_calibration_error,
    gaussian_crps,
    interval_hits,
)
from mbrl_mts3.metrics.confidence_intervals import bootstrap_interval, mean_interval, wilson_interval
from mbrl_mts3.metrics.errors_by_horizon import HorizonErrors, sliding_mean, window_starts
from mbrl_mts3.metrics.imputation import ImputationResult, evaluate_imputation
from mbrl_mts3.metrics.open_loop_evaluation import (
    REPORTED_HORIZONS,
    OpenLoopResult,
    check_lengths,
    default_context,
    evaluate_open_loop,
)
from mbrl_mts3.metrics.open_loop_prediction import OpenLoopWindow, predict_open_loop, predict_open_loop_no_grad
from mbrl_mts3.metrics.planned_values import PlannedValues
from mbrl_mts3.metrics.policy_value import PolicyRanking, PolicyValue, discounted_returns
from mbrl_mts3.metrics.recalibration import fit_recalibration
from mbrl_mts3.metrics.reward_errors import RewardErrors
from mbrl_mts3.metrics.slow_latents import SlowLatents, collect_slow_latents

__all__ = [
    "LEVELS",
    "REPORTED_HORIZONS",
    "REPORTED_LEVELS",
    "HorizonErrors",
    "ImputationResult",
    "OpenLoopResult",
    "OpenLoopWindow",
    "PlannedValues",
    "PolicyRanking",
    "PolicyValue",
    "RewardErrors",
    "SlowLatents",
    "bootstrap_interval",
    "central_quantile",
    "check_lengths",
    "collect_slow_latents",
    "coverage",
    "default_context",
    "discounted_returns",
    "evaluate_imputation",
    "evaluate_open_loop",
    "expected_calibration_error",
    "fit_recalibration",
    "gaussian_crps",
    "interval_hits",
    "mean_interval",
    "predict_open_loop",
    "predict_open_loop_no_grad",
    "sliding_mean",
    "wilson_interval",
    "window_starts",
]
