"""Figure of the errors of several models by horizon, with the range over seeds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from mbrl_mts3.reporting.style import BLUE, GREEN, GREY, INK, SKY, VERMILLION, horizon_axis, new_figure, styled

Curves = Mapping[str, NDArray[np.float64]]
"""By metric, (seeds, L)."""

_PANELS = {
    "nrmse": ("Error", "NRMSE (1 = spread of the data)"),
    "nll": ("Negative log likelihood", "NLL (nats, all dimensions)"),
    "coverage_95": ("95% intervals (dotted: nominal)", "Share of targets inside"),
}
_STYLES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
_POINTS = 50
_COLOURS = (BLUE, VERMILLION, GREEN, SKY, INK)
_LOOKS = [(colour, style) for style in _STYLES for colour in _COLOURS]


@styled
def comparison_figure(curves: Mapping[str, Curves], references: Mapping[str, Mapping[str, Any]]) -> Figure:
    """A panel for each known metric: lines are means over seeds, bands reach from the lowest seed to the highest.

    Far horizons are averaged with their neighbours. Panels of errors end a little above the error of the reference
    that always predicts the training mean; curves with larger errors are cut off.

    Args:
        curves: by model.
        references: by name (only "training_mean" is plotted), then by metric, (L,).
    """
    metrics = [metric for metric in _PANELS if any(metric in model for model in curves.values())]
    rows = -(-len(curves) // 4)
    figure = new_figure(4.8 * len(metrics), 4.6 + 0.22 * rows)
    all_axes = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axes, metric in zip(all_axes, metrics, strict=True):
        reference = references.get("training_mean", {}).get(metric)
        _draw(axes, metric, curves, None if reference is None else np.asarray(reference, dtype=np.float64))
    handles = {label: line for axes in all_axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(4, len(handles)), handlelength=3.2
    )
    return figure


def _draw(axes: Axes, metric: str, curves: Mapping[str, Curves], reference: NDArray[np.float64] | None) -> None:
    horizon = 1
    for (name, model), (colour, style) in zip(curves.items(), itertools.cycle(_LOOKS), strict=False):
        seeds = model.get(metric, np.empty((0, 0)))
        if seeds.size == 0:
            continue
        horizon = max(horizon, seeds.shape[1])
        steps, seeds = _grouped(np.where(np.isfinite(seeds), seeds, np.nan))
        axes.fill_between(steps, seeds.min(0), seeds.max(0), color=colour, alpha=0.15, lw=0)
        axes.plot(steps, seeds.mean(0), color=colour, ls=style, lw=1.6, label=name)
    title, label = _PANELS[metric]
    axes.set_title(title)
    axes.set_ylabel(label)
    horizon_axis(axes, horizon)
    if metric.startswith("coverage"):
        axes.axhline(0.95, color=GREY, ls=":", lw=1.2)
        axes.set_ylim(min(0.8, _lowest(metric, curves)), 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    else:
        _limit_errors(axes, metric, curves, reference)


def _limit_errors(axes: Axes, metric: str, curves: Mapping[str, Curves], reference: NDArray[np.float64] | None) -> None:
    """Limit the axis to useful errors, so that a model that diverges does not flatten the curves of the others."""
    found = _finite(metric, curves)
    if found.size == 0:
        return
    low, high = (0.0 if metric == "nrmse" else float(found.min())), float(found.max())
    if reference is not None and high > reference.min():
        steps = np.arange(1, len(reference) + 1)
        axes.plot(steps, reference, color=GREY, ls=":", lw=1.4, label="training mean")
        high = min(high, float(reference.max()))
    margin = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - (0.0 if metric == "nrmse" else margin), high + 2 * margin)


def _grouped(seeds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average neighbouring horizons where a logarithmic axis has no room for each one; returns steps and values."""
    length = seeds.shape[1]
    starts = np.unique(np.geomspace(1, length + 1, _POINTS).round().astype(int))[:-1] - 1
    widths = np.diff(starts, append=length)
    steps = np.add.reduceat(np.arange(1.0, length + 1), starts) / widths
    return steps, np.add.reduceat(seeds, starts, axis=1) / widths


def _finite(metric: str, curves: Mapping[str, Curves]) -> NDArray[np.float64]:
    every: NDArray[np.float64] = np.concatenate([model[metric].ravel() for model in curves.values() if metric in model])
    kept: NDArray[np.float64] = every[np.isfinite(every)]
    return kept


def _lowest(metric: str, curves: Mapping[str, Curves]) -> float:
    return float(_finite(metric, curves).min(initial=1.0))
