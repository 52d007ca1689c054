"""Whether predicted intervals hold as often as they claim."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import horizon_axis, label_line_ends, new_figure, styled

_STYLES = ((palette.SKY, "-"), (palette.BLUE, "--"), (palette.INK, ":"))
_LEVELS = {0.5: palette.SKY, 0.8: palette.BLUE, 0.95: palette.INK}


@styled
def calibration_figure(result: OpenLoopResult) -> Figure:
    """Observed against nominal coverage, and the coverage of the 50%, 80% and 95% intervals by horizon.

    Raises:
        ConfigurationError: the coverage was not measured.
    """
    if result.model.coverage is None:
        raise ConfigurationError("the model gives no variance, so that there is no coverage to draw")
    figure = new_figure(9.0, 4.0)
    reliability, by_horizon = figure.subplots(1, 2)
    draw_reliability(reliability, result)
    draw_coverage(by_horizon, result)
    return figure


def draw_reliability(axes: Axes, result: OpenLoopResult) -> None:
    """Observed against nominal coverage at up to three horizons."""
    assert result.model.coverage is not None
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.plot([0, 1], [0, 1], color=palette.GREY, lw=1)
    horizons = result.horizons()
    chosen = sorted({horizons[0], horizons[len(horizons) // 2], horizons[-1]})
    for horizon, (colour, style) in zip(chosen, _STYLES, strict=False):
        observed = result.model.coverage[horizon - 1].numpy()
        label = f"{horizon} step{'s' if horizon > 1 else ''} ahead"
        axes.plot(result.model.levels.numpy(), observed, color=colour, ls=style, lw=2, label=label)
    axes.text(0.3, 0.93, "too cautious", color=palette.GREY, ha="center", transform=axes.transAxes)
    axes.text(0.97, 0.42, "too sure", color=palette.GREY, ha="right", transform=axes.transAxes)
    axes.legend(loc="lower right")
    axes.set(xlim=(0, 1), ylim=(0, 1), title="Intervals of all sizes")
    axes.set_xlabel("Nominal probability of the interval")
    axes.set_ylabel("Share of targets inside")


def draw_coverage(axes: Axes, result: OpenLoopResult) -> None:
    """Coverage of the reported intervals by horizon."""
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    horizons = range(1, result.horizon + 1)
    ends = {}
    for level, colour in _LEVELS.items():
        observed = result.model.coverage_at(level).numpy()
        axes.axhline(level, color=colour, ls=":", lw=1)
        axes.plot(horizons, observed, color=colour, lw=2)
        ends[f"{level:.0%}"] = (float(observed[-1]), colour)
    axes.set(ylim=(0, 1), title="Intervals by horizon (dotted: nominal)")
    axes.set_ylabel("Share of targets inside")
    horizon_axis(axes, result.horizon)
    label_line_ends(axes, ends, at=result.horizon)
