"""Whether intervals hold what they promise, before and after their recalibration."""

from __future__ import annotations

from matplotlib.figure import Figure

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.reporting.calibration_figure import draw_coverage, draw_reliability
from mbrl_mts3.reporting.figure_style import new_figure, styled


@styled
def recalibration_figure(before: OpenLoopResult, after: OpenLoopResult) -> Figure:
    """Reliability and coverage by horizon, before in the upper row, after in the lower one.

    Raises:
        ConfigurationError: the coverage was not measured.
    """
    if before.model.coverage is None or after.model.coverage is None:
        raise ConfigurationError("the model gives no variance, so that there is no coverage to draw")
    figure = new_figure(9.0, 7.6)
    rows = figure.subplots(2, 2)
    lowest = min(float(result.model.coverage_at(REPORTED_LEVELS[0]).min()) for result in (before, after))
    for name, (reliability, by_horizon), result in zip(("Before", "After"), rows, (before, after), strict=True):
        draw_reliability(reliability, result)
        draw_coverage(by_horizon, result)
        # Close enough to see two percent.
        by_horizon.set_ylim(min(0.4, lowest - 0.02), 1.0)
        reliability.set_title(f"{name}: intervals of all sizes")
        by_horizon.set_title(f"{name}: by horizon (dotted: nominal)")
    return figure
