"""How good predictions are: open-loop errors by horizon, calibration; what latents do; what policies are worth."""

from mbrl_mts3.metrics.blind_prediction import blind_prediction, evaluate_blind
from mbrl_mts3.metrics.blind_window import BlindWindow
from mbrl_mts3.metrics.bootstrap import bootstrap_interval
from mbrl_mts3.metrics.calibration import (
    LEVELS,
    REPORTED_LEVELS,
    central_quantile,
    coverage,
    expected_calibration_error,
    interval_hits,
)
from mbrl_mts3.metrics.collect_slow_latents import collect_slow_latents
from mbrl_mts3.metrics.crps import gaussian_crps
from mbrl_mts3.metrics.discounted_returns import discounted_returns
from mbrl_mts3.metrics.fit_recalibration import fit_recalibration
from mbrl_mts3.metrics.horizon_errors import HorizonErrors
from mbrl_mts3.metrics.imputation import imputation
from mbrl_mts3.metrics.imputation_result import ImputationResult
from mbrl_mts3.metrics.intervals import mean_interval, wilson_interval
from mbrl_mts3.metrics.json_numbers import json_numbers
from mbrl_mts3.metrics.open_loop import check_lengths, default_context, open_loop
from mbrl_mts3.metrics.open_loop_result import REPORTED_HORIZONS, OpenLoopResult
from mbrl_mts3.metrics.policy_ranking import PolicyRanking
from mbrl_mts3.metrics.policy_value import PolicyValue
from mbrl_mts3.metrics.reward_errors import RewardErrors
from mbrl_mts3.metrics.sliding_window import sliding_mean, window_starts
from mbrl_mts3.metrics.slow_latents import SlowLatents

__all__ = [
    "LEVELS",
    "REPORTED_HORIZONS",
    "REPORTED_LEVELS",
    "BlindWindow",
    "HorizonErrors",
    "ImputationResult",
    "OpenLoopResult",
    "PolicyRanking",
    "PolicyValue",
    "RewardErrors",
    "SlowLatents",
    "blind_prediction",
    "bootstrap_interval",
    "central_quantile",
    "check_lengths",
    "collect_slow_latents",
    "coverage",
    "default_context",
    "discounted_returns",
    "evaluate_blind",
    "expected_calibration_error",
    "fit_recalibration",
    "gaussian_crps",
    "imputation",
    "interval_hits",
    "json_numbers",
    "mean_interval",
    "open_loop",
    "sliding_mean",
    "wilson_interval",
    "window_starts",
]
