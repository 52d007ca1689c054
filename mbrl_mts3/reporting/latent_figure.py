"""Trajectories of slow latents in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled
from mbrl_mts3.reporting.projection import Projection

Array = np.ndarray[Any, np.dtype[Any]]

_COLUMNS = 3


@styled
def latent_figure(projection: Projection, episode: Array, colours: Mapping[str, Array], *, title: str = "") -> Figure:
    """One panel for each way of colouring the same points; a thin line joins the points of an episode.

    Args:
        projection: of N points.
        episode: (N,): number of each point's episode; its points come in the order of time.
        colours: values (N,) by what they are, such as {"step of the episode": ...}.
        title: above all panels.

    Raises:
        ConfigurationError: no colours, or values that are not as many as the points.
    """
    count = len(projection.points)
    wrong = [name for name, values in colours.items() if np.shape(values) != (count,)]
    if not colours or wrong:
        raise ConfigurationError(f"{count} points need at least one colouring, each of as many values; wrong: {wrong}")
    columns = 2 if len(colours) == 4 else min(len(colours), _COLUMNS)
    rows = -(-len(colours) // columns)
    figure = new_figure(4.4 * columns + 0.6, 3.8 * rows + (0.4 if title else 0.0))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(colours) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels, colours.items(), strict=False):
        for number in np.unique(episode):
            axes.plot(*projection.points[episode == number].T, color=palette.GREY, lw=0.4, alpha=0.35, zorder=1)
        drawn = axes.scatter(*projection.points.T, c=values, cmap="viridis", s=7, linewidths=0, zorder=2)
        figure.colorbar(drawn, ax=axes, label=name)
        axes.set(xlabel=projection.axes[0], ylabel=projection.axes[1])
    if title:
        figure.suptitle(title, fontweight="bold")
    return figure
