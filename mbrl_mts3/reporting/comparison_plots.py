"""Figures that compare: errors of models by horizon with the range over seeds, learning curves, intervals."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
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
    several = any(len(seeds) > 1 for model in curves.values() for seeds in model.values())
    _add_legend(figure, all_axes, columns=4, bands=several)
    return figure


def _add_legend(figure: Figure, panels: Iterable[Axes], columns: int, *, bands: bool = False) -> None:
    """One legend below all panels, where equal names stand once."""
    handles = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if bands:
        handles["band: from the lowest seed to the highest"] = Patch(color=GREY, alpha=0.3, lw=0)
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(columns, len(handles)), handlelength=3.2
    )


Line = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Places on the x axis (n,) and values (n,); NaN leaves a gap."""


@styled
def learning_figure(panels: Mapping[str, Mapping[str, Line]], x_label: str) -> Figure:
    """Learning curves: one panel for each title, one line for each run, equal looks for equal runs.

    Args:
        panels: lines by run, by the title of their panel.
        x_label: what is counted to the right.
    """
    runs = list(dict.fromkeys(run for lines in panels.values() for run in lines))
    looks = dict(zip(runs, itertools.cycle(_LOOKS), strict=False))
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(4.8 * columns + (1.2 if columns == 1 else 0), 3.4 * rows + 0.4 + 0.22 * -(-len(runs) // 2))
    every = figure.subplots(rows, columns, squeeze=False)
    for axes in every.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (title, lines) in zip(every.flat, panels.items(), strict=False):
        for run, (steps, values) in lines.items():
            colour, style = looks[run]
            shown = np.isfinite(values)
            # A single point is no line.
            marker = "o" if shown.sum() < 3 else ""
            axes.plot(steps[shown], values[shown], color=colour, ls=style, marker=marker, lw=1.6, label=run)
        axes.set_title(title)
        axes.set_xlabel(x_label)
    _add_legend(figure, every.flat, columns=2)
    return figure


@styled
def reliability_figure(curves: Mapping[str, Line]) -> Figure:
    """Reliability of several models: share of true values inside intervals against their nominal probability.

    Args:
        curves: nominal probabilities and observed shares, both from 0 to 1, by model.
    """
    figure = new_figure(6.6, 5.4 + 0.22 * len(curves))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, label="as promised")
    for (name, (levels, observed)), (colour, style) in zip(curves.items(), itertools.cycle(_LOOKS), strict=False):
        axes.plot(levels, observed, color=colour, ls=style, lw=1.8, label=name)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.text(0.3, 0.93, "underconfident", color=GREY, ha="center", transform=axes.transAxes)
    axes.text(0.97, 0.3, "overconfident", color=GREY, ha="right", transform=axes.transAxes)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title="Intervals of all probabilities, mean over horizons")
    axes.set_xlabel("Nominal probability of the interval")
    axes.set_ylabel("Share of targets inside")
    figure.legend(loc="outside lower center", ncols=1, handlelength=3.2)
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
