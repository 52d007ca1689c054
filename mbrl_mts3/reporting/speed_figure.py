"""How fast a robot runs in a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled

Array = np.ndarray[Any, np.dtype[Any]]


@styled
def speed_figure(speeds: Array, steps: Array, returns: Array, *, title: str = "") -> Figure:
    """Forward speed along episodes and by the return of the episode.

    Args:
        speeds: (N,), metres per second.
        steps: (N,) of the episode.
        returns: (N,) of the episode that each speed belongs to.
        title: above both panels.
    """
    figure = new_figure(9.0, 3.6)
    along, by_return = figure.subplots(1, 2, sharey=True)
    for axes, across, label in ((along, steps, "Step of the episode"), (by_return, returns, "Return of the episode")):
        drawn = axes.hexbin(across, speeds, gridsize=45, bins="log", mincnt=1, cmap="viridis", linewidths=0)
        axes.axhline(0, color=palette.GREY, lw=0.8)
        axes.set_xlabel(label)
    figure.colorbar(drawn, ax=by_return, label="steps in the sample")
    along.set_ylabel("Forward speed (m/s)")
    if title:
        figure.suptitle(title, fontweight="bold")
    return figure
