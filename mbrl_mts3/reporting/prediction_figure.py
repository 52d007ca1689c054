"""A blind prediction with its bands against the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mbrl_mts3.errors import UnknownObservationError
from mbrl_mts3.metrics.blind_window import BlindWindow
from mbrl_mts3.metrics.calibration import central_quantile
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.figure_style import new_figure, styled
from mbrl_mts3.reporting.observation_units import with_unit

_BANDS = ((0.95, 0.18), (0.5, 0.38))


@styled
def prediction_figure(
    window: BlindWindow, names: Sequence[str], *, show: Sequence[str] | None = None, title: str = "Blind prediction"
) -> Figure:
    """Truth, predicted mean and the central 50% and 95% intervals of a few dimensions.

    Args:
        window: physical units.
        names: of all its dimensions.
        show: names to draw; None draws up to four, evenly spread.

    Raises:
        UnknownObservationError: a name in `show` that is not in `names`.
    """
    columns = _columns(names, show)
    figure = new_figure(9.0, 1.3 + 1.6 * len(columns))
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    for axes, column in zip(panels, columns, strict=True):
        _draw(axes, window, column)
        axes.set_ylabel(with_unit(names[column]))
    start = 1 - window.context
    panels[0].text(
        start, 1.0, " observed", transform=panels[0].get_xaxis_transform(), va="bottom", color=palette.GREY, fontsize=9
    )
    panels[-1].set_xlabel("Steps after the last observation")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=1.8)
    figure.align_ylabels()
    return figure


def _columns(names: Sequence[str], show: Sequence[str] | None) -> list[int]:
    if show is None:
        return sorted({round(place) for place in np.linspace(0, len(names) - 1, min(4, len(names)))})
    unknown = [name for name in show if name not in names]
    if unknown or not show:
        raise UnknownObservationError(f"cannot draw {unknown or 'no dimension'}: choose from {', '.join(names)}")
    return [list(names).index(name) for name in show]


def _draw(axes: Axes, window: BlindWindow, column: int) -> None:
    truth = window.observations[:, column].numpy()
    mean = window.mean[:, column].numpy()
    deviation = window.variance[:, column].clamp_min(0).sqrt().numpy()
    steps = np.arange(len(truth)) - (window.context - 1)
    blind = steps[window.context :]
    axes.axvspan(float(steps[0]), 0, color=palette.SHADE, zorder=0)
    for level, alpha in _BANDS:
        half = float(central_quantile(torch.tensor(level))) * deviation
        axes.fill_between(
            blind, mean - half, mean + half, color=palette.MODEL, alpha=alpha, lw=0, label=f"{level:.0%} interval"
        )
    axes.plot(blind, mean, color=palette.MODEL, lw=1.6, ls="--", label="predicted mean")
    axes.plot(steps, truth, color=palette.TRUTH, lw=1.3, label="truth")
    axes.margins(x=0.01)
