"""Where the states of a data set lie, in two dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mbrl_mts3.reporting.figure_style import new_figure, styled
from mbrl_mts3.reporting.projection import Projection

Array = np.ndarray[Any, np.dtype[Any]]


@styled
def coverage_projection_figure(projection: Projection, returns: Array, *, title: str = "") -> Figure:
    """Points coloured by the return of their episode; the order is mixed, so that no episode hides the others.

    Args:
        projection: of N observations.
        returns: (N,).
        title: above the picture.
    """
    order = np.random.default_rng(0).permutation(len(returns))
    figure = new_figure(6.0, 4.6)
    axes = figure.subplots()
    x, y = projection.points[order].T
    drawn = axes.scatter(x, y, c=returns[order], cmap="viridis", s=3, linewidths=0, rasterized=True)
    figure.colorbar(drawn, ax=axes, label="return of the episode")
    axes.set(xlabel=projection.axes[0], ylabel=projection.axes[1])
    if title:
        axes.set_title(title)
    return figure
