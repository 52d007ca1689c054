"""What the episodes of a data set earn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled

Array = np.ndarray[Any, np.dtype[Any]]


@styled
def returns_figure(returns: Array, lengths: Array, *, title: str = "") -> Figure:
    """Returns in the order of the episodes, the share of each, and lengths against returns.

    Args:
        returns: (E,).
        lengths: (E,) steps.
        title: above all panels.
    """
    figure = new_figure(10.5, 3.3)
    order, share, length = figure.subplots(1, 3)
    order.plot(np.arange(len(returns)), returns, ls="none", marker=".", ms=4, color=palette.BLUE)
    order.set(title="In order", xlabel="Episode", ylabel="Return")
    finite = returns[np.isfinite(returns)]
    share.hist(finite, bins=40, color=palette.BLUE)
    if len(finite):
        share.axvline(
            float(finite.mean()), color=palette.VERMILLION, lw=1.5, ls="--", label=f"mean {finite.mean():.4g}"
        )
        share.legend(loc="best")
    share.set(title="How often", xlabel="Return", ylabel="Episodes")
    length.plot(lengths, returns, ls="none", marker=".", ms=4, color=palette.BLUE)
    length.set(title="By length", xlabel="Steps", ylabel="Return")
    if title:
        figure.suptitle(title, fontweight="bold")
    return figure
