"""Where in a maze a data set has been."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from mbrl_mts3.reporting.figure_style import new_figure, styled
from mbrl_mts3.reporting.maze_layout import MazeLayout

Array = np.ndarray[Any, np.dtype[Any]]

# Squares along a cell of the maze.
_FINENESS = 8


@styled
def maze_coverage_figure(maze: MazeLayout, positions: Array, velocities: Array, *, title: str = "") -> Figure:
    """How often each place was visited, and how fast the point was there on average.

    Args:
        maze: walls.
        positions: (N, 2), metres.
        velocities: (N, 2), metres per second.
        title: above both panels.
    """
    rows, columns = maze.walls.shape
    width, height = columns * maze.cell_size / 2, rows * maze.cell_size / 2
    across = np.linspace(-width, width, columns * _FINENESS + 1)
    up = np.linspace(-height, height, rows * _FINENESS + 1)
    x, y = positions[:, 0], positions[:, 1]
    visits = np.histogram2d(x, y, bins=[across, up])[0]
    speeds = np.histogram2d(x, y, bins=[across, up], weights=np.linalg.norm(velocities, axis=1))[0]
    seen = np.ma.masked_equal(visits, 0)
    figure = new_figure(9.0, 0.9 + 3.6 * min(1.5, rows / columns))
    panels = figure.subplots(1, 2)
    for axes, values, label, norm in (
        (panels[0], seen, "visits in the sample", LogNorm(vmin=1)),
        (panels[1], speeds / seen, "mean speed (m/s)", None),
    ):
        maze.draw(axes)
        drawn = axes.pcolormesh(across, up, values.T, cmap="viridis", norm=norm)
        figure.colorbar(drawn, ax=axes, label=label, shrink=0.8)
    if title:
        figure.suptitle(title, fontweight="bold")
    return figure
