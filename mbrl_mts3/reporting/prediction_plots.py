"""Figures of predictions: one window with its intervals, errors by horizon, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbrl_mts3.errors import ConfigurationError, UnknownObservationError
from mbrl_mts3.metrics.calibration import REPORTED_LEVELS, central_quantile
from mbrl_mts3.metrics.open_loop_evaluation import OpenLoopResult
from mbrl_mts3.metrics.open_loop_prediction import OpenLoopWindow
from mbrl_mts3.reporting.style import (
    BLUE,
    GREY,
    INK,
    MODEL,
    PERSISTENCE,
    SHADE,
    SKY,
    TRAINING_MEAN,
    TRUTH,
    horizon_axis,
    label_line_ends,
    new_figure,
    styled,
)

_BANDS = ((0.95, 0.18), (0.5, 0.38))


@styled
def prediction_figure(
    window: OpenLoopWindow,
    names: Sequence[str],
    *,
    show: Sequence[str] | None = None,
    title: str = "Open-loop prediction",
) -> Figure:
    """Truth, predicted mean and the central 50% and 95% intervals of a few dimensions.

    Args:
        window: physical units.
        names: of all its dimensions.
        show: names of the dimensions to plot; None plots up to four, evenly spread.

    Raises:
        UnknownObservationError: a name in `show` is not in `names`.
    """
    columns = _columns(names, show)
    figure = new_figure(9.0, 1.3 + 1.6 * len(columns))
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    for axes, column in zip(panels, columns, strict=True):
        _draw_dimension(axes, window, column)
        axes.set_ylabel(with_unit(names[column]))
    start = 1 - window.context
    panels[0].text(
        start, 1.0, " observed", transform=panels[0].get_xaxis_transform(), va="bottom", color=GREY, fontsize=9
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
        raise UnknownObservationError(f"cannot plot {unknown or 'no dimension'}: choose from {', '.join(names)}")
    return [list(names).index(name) for name in show]


def _draw_dimension(axes: Axes, window: OpenLoopWindow, column: int) -> None:
    truth = window.observations[:, column].numpy()
    mean = window.mean[:, column].numpy()
    deviation = window.variance[:, column].clamp_min(0).sqrt().numpy()
    steps = np.arange(len(truth)) - (window.context - 1)
    ahead = steps[window.context :]
    axes.axvspan(float(steps[0]), 0, color=SHADE, zorder=0)
    for level, alpha in _BANDS:
        half = float(central_quantile(torch.tensor(level))) * deviation
        axes.fill_between(
            ahead, mean - half, mean + half, color=MODEL, alpha=alpha, lw=0, label=f"{level:.0%} interval"
        )
    axes.plot(ahead, mean, color=MODEL, lw=1.6, ls="--", label="predicted mean")
    axes.plot(steps, truth, color=TRUTH, lw=1.3, label="truth")
    axes.margins(x=0.01)


_LINES = {
    "model": ("model", MODEL, "-"),
    "persistence": ("repeat last", PERSISTENCE, "--"),
    "training_mean": ("training mean", TRAINING_MEAN, ":"),
}


@styled
def error_figure(result: OpenLoopResult) -> Figure:
    """NRMSE and NLL of the model and of the references by horizon; lower is better in both."""
    figure = new_figure(9.0, 3.7)
    error, likelihood = figure.subplots(1, 2)
    _draw_error(error, result, "nrmse")
    error.set_ylim(bottom=0)
    error.set_title("Error")
    error.set_ylabel("NRMSE (1 = spread of the data)")
    _draw_error(likelihood, result, "nll")
    likelihood.set_title("Negative log likelihood")
    likelihood.set_ylabel(f"NLL (nats, {result.model.rmse_by_dimension.shape[1]} dimensions)")
    for axes, measure in ((error, "nrmse"), (likelihood, "nll")):
        horizon_axis(axes, result.horizon)
        label_line_ends(axes, _ends(result, measure), at=result.horizon)
    return figure


def _draw_error(axes: Axes, result: OpenLoopResult, measure: str) -> None:
    horizons = range(1, result.horizon + 1)
    for name, (_, colour, style) in _LINES.items():
        values = getattr(getattr(result, name), measure)
        if values is not None:
            axes.plot(horizons, values.numpy(), color=colour, ls=style, lw=2 if name == "model" else 1.6)


def _ends(result: OpenLoopResult, measure: str) -> dict[str, tuple[float, str]]:
    ends = {}
    for name, (label, colour, _) in _LINES.items():
        values = getattr(getattr(result, name), measure)
        if values is not None and bool(values.isfinite().any()):
            ends[label] = (float(values[values.isfinite()][-1]), colour)
    return ends


_STYLES = ((SKY, "-"), (BLUE, "--"), (INK, ":"))
_LEVELS = {0.5: SKY, 0.8: BLUE, 0.95: INK}


@styled
def calibration_figure(result: OpenLoopResult) -> Figure:
    """Reliability diagram, and the coverage of the 50%, 80% and 95% intervals by horizon.

    Raises:
        ConfigurationError: the coverage was not measured.
    """
    if result.model.coverage is None:
        raise ConfigurationError("this model predicts no variance, so there is no coverage to plot")
    figure = new_figure(9.0, 4.0)
    reliability, by_horizon = figure.subplots(1, 2)
    draw_reliability(reliability, result)
    draw_coverage(by_horizon, result)
    return figure


def draw_reliability(axes: Axes, result: OpenLoopResult) -> None:
    """Reliability diagram: observed against nominal coverage at up to three horizons."""
    assert result.model.coverage is not None
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, label="as promised")
    horizons = result.horizons()
    chosen = sorted({horizons[0], horizons[len(horizons) // 2], horizons[-1]})
    for horizon, (colour, style) in zip(chosen, _STYLES, strict=False):
        observed = result.model.coverage[horizon - 1].numpy()
        label = f"{horizon} step{'s' if horizon > 1 else ''} ahead"
        axes.plot(result.model.levels.numpy(), observed, color=colour, ls=style, lw=2, label=label)
    axes.text(0.3, 0.93, "underconfident", color=GREY, ha="center", transform=axes.transAxes)
    axes.text(0.97, 0.42, "overconfident", color=GREY, ha="right", transform=axes.transAxes)
    axes.legend(loc="lower right")
    axes.set(xlim=(0, 1), ylim=(0, 1), title="Intervals of all probabilities")
    axes.set_xlabel("Nominal probability of the interval")
    axes.set_ylabel("Share of targets inside")


def draw_coverage(axes: Axes, result: OpenLoopResult) -> None:
    """Coverage of the reported intervals by horizon."""
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    horizons = range(1, result.horizon + 1)
    ends = {}
    for level, colour in _LEVELS.items():
        observed = result.model.coverage_at(level).numpy()
        axes.axhline(level, color=colour, ls=":", lw=1)
        axes.plot(horizons, observed, color=colour, lw=2)
        ends[f"{level:.0%}"] = (float(observed[-1]), colour)
    axes.set(ylim=(0, 1), title="Intervals by horizon (dotted: nominal)")
    axes.set_ylabel("Share of targets inside")
    horizon_axis(axes, result.horizon)
    label_line_ends(axes, ends, at=result.horizon)


@styled
def recalibration_figure(before: OpenLoopResult, after: OpenLoopResult) -> Figure:
    """Reliability and coverage by horizon before (upper row) and after recalibration (lower row).

    Raises:
        ConfigurationError: the coverage was not measured.
    """
    if before.model.coverage is None or after.model.coverage is None:
        raise ConfigurationError("this model predicts no variance, so there is no coverage to plot")
    figure = new_figure(9.0, 7.6)
    rows = figure.subplots(2, 2)
    lowest = min(float(result.model.coverage_at(REPORTED_LEVELS[0]).min()) for result in (before, after))
    for name, (reliability, by_horizon), result in zip(("Before", "After"), rows, (before, after), strict=True):
        draw_reliability(reliability, result)
        draw_coverage(by_horizon, result)
        # Narrow enough to see differences of two percent.
        by_horizon.set_ylim(min(0.4, lowest - 0.02), 1.0)
        reliability.set_title(f"{name}: intervals of all probabilities")
        by_horizon.set_title(f"{name}: by horizon (dotted: nominal)")
    return figure


_LENGTHS = {"x", "y", "z", "rootx", "rootz", "kettle_x", "kettle_y", "kettle_z", "slide_cabinet"}
_LENGTHS |= {"panda0_finger_joint1", "panda0_finger_joint2"}
_ANGLES = {"rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot", "microwave"}
_ANGLES |= {"left_hinge_cabinet", "right_hinge_cabinet", "kettle_rx", "kettle_ry", "kettle_rz"}
_ANGLES |= {f"panda0_joint{i}" for i in range(1, 8)}


def observation_unit(name: str) -> str:
    """Unit of an observation of a known environment (see `known_names`) by its name; empty if not known."""
    if name in ("vx", "vy"):
        return "m/s"
    position = name.removeprefix("v_")
    unit = "m" if position in _LENGTHS else "rad" if position in _ANGLES else ""
    return f"{unit}/s" if unit and position != name else unit


def with_unit(name: str) -> str:
    """The name with its unit in brackets, if the unit is known."""
    unit = observation_unit(name)
    return f"{name} ({unit})" if unit else name
