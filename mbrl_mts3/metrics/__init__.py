"""How good predictions are: open-loop errors by horizon, sliding windows, calibration."""

from mbrl_mts3.metrics.blind_prediction import blind_prediction, evaluate_blind
from mbrl_mts3.metrics.blind_window import BlindWindow
from mbrl_mts3.metrics.calibration import LEVELS, central_quantile, coverage, expected_calibration_error, interval_hits
from mbrl_mts3.metrics.horizon_errors import HorizonErrors
from mbrl_mts3.metrics.intervals import mean_interval, wilson_interval
from mbrl_mts3.metrics.json_numbers import json_numbers
from mbrl_mts3.metrics.open_loop import check_lengths, open_loop
from mbrl_mts3.metrics.open_loop_result import REPORTED_HORIZONS, OpenLoopResult
from mbrl_mts3.metrics.sliding_window import sliding_mean, window_starts

__all__ = [
    "LEVELS",
    "REPORTED_HORIZONS",
    "BlindWindow",
    "HorizonErrors",
    "OpenLoopResult",
    "blind_prediction",
    "central_quantile",
    "check_lengths",
    "coverage",
    "evaluate_blind",
    "expected_calibration_error",
    "interval_hits",
    "json_numbers",
    "mean_interval",
    "open_loop",
    "sliding_mean",
    "wilson_interval",
    "window_starts",
]
