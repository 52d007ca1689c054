"""Success rates with their confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.control_result import ControlResult
from mbrl_mts3.reporting.figure_style import new_figure, styled


@styled
def control_figure(results: Sequence[ControlResult]) -> Figure:
    """One row for each policy: its success rate and the 95% interval of it."""
    figure = new_figure(9.0, 1.1 + 0.55 * len(results))
    axes = figure.subplots()
    for row, result in enumerate(results):
        low, high = result.success_interval
        colour = palette.BLUE if row == 0 else palette.GREY
        axes.plot([low, high], [row, row], color=colour, lw=3, solid_capstyle="round", alpha=0.5)
        axes.plot(result.success_rate, row, marker="o", ms=9, color=colour)
        axes.annotate(
            f"{result.success_rate:.0%}  ({low:.0%} to {high:.0%})", (1.0, row), xytext=(12, 0),
            textcoords="offset points", va="center", color=colour, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(range(len(results)), [result.name for result in results])
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("Episodes in which the goal was reached (bar: 95% confidence interval)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure
