"""Estimated against true values of policies."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mbrl_mts3.metrics.policy_value import PolicyValue
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled


@styled
def policy_value_figure(values: Sequence[PolicyValue], title: str) -> Figure:
    """A point for each policy with both of its 95% intervals; the dashed line is where estimates are right.

    Args:
        values: with true values.
        title: of the figure.
    """
    figure = new_figure(7.4, 5.4)
    axes = figure.subplots()
    ends: list[float] = []
    ordered = sorted((value for value in values if value.value is not None), key=lambda value: value.value or 0.0)
    for number, value in enumerate(ordered, start=1):
        true = value.value if value.value is not None else 0.0
        low, high = value.interval
        true_low, true_high = value.value_interval or (true, true)
        colour = palette.DISTINCT[number % len(palette.DISTINCT)]
        axes.plot([true, true], [low, high], color=colour, lw=1.4)
        axes.plot([true_low, true_high], [value.estimate] * 2, color=colour, lw=1.4)
        axes.plot(true, value.estimate, "o", ms=11, color=colour, label=f"{number}  {value.name}")
        axes.annotate(
            str(number), (true, value.estimate), color="white", ha="center", va="center", fontsize=7, fontweight="bold"
        )
        ends += [true, value.estimate]
    span = [min(ends), max(ends)]
    axes.plot(span, span, color=palette.GREY, ls="--", lw=1.2, zorder=0)
    axes.set_xlabel("Mean return in the real environment")
    axes.set_ylabel("Mean return in the model")
    axes.set_title(title)
    figure.legend(loc="outside right center", handletextpad=0.3)
    return figure
