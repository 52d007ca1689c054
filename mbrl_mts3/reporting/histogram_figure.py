"""How often each value occurs, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled

Array = np.ndarray[Any, np.dtype[Any]]

_BINS = 50


@styled
def histogram_figure(
    values: Array, names: Sequence[str], *, title: str = "", bounds: tuple[Array, Array] | None = None
) -> Figure:
    """One histogram for each column.

    Args:
        values: (N, d).
        names: of the columns.
        title: above all panels.
        bounds: lowest and highest possible values, (d,) each, drawn as lines where they are finite.

    Raises:
        ConfigurationError: nothing to draw, or names that are not as many as the columns.
    """
    if values.ndim != 2 or not values.size or values.shape[1] != len(names):
        raise ConfigurationError(f"{len(names)} names need as many columns with values, got {values.shape}")
    columns = min(len(names), 4 if len(names) <= 20 else 8)
    rows = -(-len(names) // columns)
    figure = new_figure(max(6.0, 2.3 * columns + 0.4), 1.7 * rows + (0.5 if title else 0.1))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    for place, (axes, name) in enumerate(zip(panels, names, strict=False)):
        axes.hist(values[:, place], bins=_BINS, color=palette.BLUE, density=True)
        for bound in () if bounds is None else (bounds[0][place], bounds[1][place]):
            if np.isfinite(bound):
                axes.axvline(float(bound), color=palette.VERMILLION, lw=1.2, ls="--")
        axes.set_yticks([])
        axes.grid(visible=False)
        axes.set_title(name, fontsize=9, fontweight="normal")
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="x", nbins=4)
    if title:
        figure.suptitle(title, fontweight="bold")
    return figure
