"""Figures of a diagnosis: errors by step, errors by uncertainty, and what a stop at a quantile leaves."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.diagnosis.model_diagnosis import BEHAVIOUR, RANDOM, ModelDiagnosis
from mbrl_mts3.metrics.diagnosis.rollout_errors import RolloutErrors
from mbrl_mts3.reporting.style import BLUE, GREEN, GREY, INK, SKY, VERMILLION, new_figure, styled

_OTHERS: tuple[Any, ...] = tuple(itertools.product(("-", (0, (5, 2)), (0, (1, 1.2))), (BLUE, VERMILLION, GREEN, SKY)))
"""Looks of policies: no two are alike in colour and style until there are a dozen."""
_REFERENCE: Any = {"color": GREY, "ls": (0, (2, 2)), "lw": 1.2}
_BINS = 10
_WIDTH, _COLUMNS = 7.4, 2
"""Inches of a figure, and panels side by side in it: both can be read on a phone."""


@styled
def step_error_figure(diagnosis: ModelDiagnosis) -> Figure:
    """By step and source: the error of states, that of rewards, and how much rewards are too high."""
    figure = new_figure(_WIDTH, 8.6)
    states, rewards, bias = figure.subplots(3, 1, sharex=True)
    steps = np.arange(1, diagnosis.horizon + 1)
    for name, look in _looks(diagnosis):
        errors = diagnosis.sources[name].by_step()
        for axes, values in ((states, errors.state_mean), (rewards, errors.reward), (bias, errors.reward_bias)):
            axes.plot(steps, values, label=name, marker="o", ms=3, lw=1.7, **look)
    behaviour = diagnosis.sources[BEHAVIOUR].by_step()
    states.plot(steps, behaviour.state_unchanged, **_REFERENCE)
    if behaviour.reward_function is not None:
        rewards.plot(steps, behaviour.reward_function, **_REFERENCE)
    bias.axhline(0, color=GREY, lw=1)
    states.set_title("Error of states (dotted: if nothing moved)")
    states.set_ylabel("deviations of the data")
    perfect = " (dotted: of a perfect model)" if behaviour.reward_function is not None else ""
    rewards.set_title(f"Error of rewards{perfect}")
    rewards.set_ylabel("units of reward")
    bias.set_title("Imagined less true reward")
    bias.set_ylabel("units of reward")
    states.set_ylim(bottom=0)
    rewards.set_ylim(bottom=0)
    bias.set_xlabel("Steps after the last observation")
    bias.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    figure.align_ylabels()
    return _with_legend(figure, bias)


@styled
def ranking_figure(diagnosis: ModelDiagnosis) -> Figure:
    """True error of states against each uncertainty, in ten equal parts of each source's steps.

    Raises:
        ConfigurationError: the model has no uncertainty.
    """
    kinds = _known_kinds(diagnosis)
    rows = -(-len(kinds) // _COLUMNS)
    figure = new_figure(_WIDTH, 0.6 + 3.3 * rows)
    panels = figure.subplots(rows, min(_COLUMNS, len(kinds)), sharey=True, squeeze=False)
    for axes, kind in itertools.zip_longest(panels.flat, kinds):
        if kind is None:
            axes.set_visible(False)
            continue
        for name, look in _looks(diagnosis):
            known, error = _binned(diagnosis.sources[name], kind)
            axes.plot(known, error, label=name, marker="o", ms=4, lw=1.4, **look)
        axes.set_title(kind.capitalize())
        axes.set_xlabel("Uncertainty of the step")
    for row in panels:
        row[0].set_ylabel("True error of the state")
    _scale([axes for axes, _ in zip(panels.flat, kinds, strict=False)])
    return _with_legend(figure, panels[0, 0])


@styled
def cut_figure(diagnosis: ModelDiagnosis) -> Figure:
    """By the quantile where rollouts stop: the share of steps that is kept, and their error of states.

    Raises:
        ConfigurationError: the model has no uncertainty.
    """
    kinds = _known_kinds(diagnosis)
    figure = new_figure(_WIDTH, 0.6 + 2.7 * len(kinds))
    panels = figure.subplots(len(kinds), 2, sharex=True, squeeze=False)
    for (share, error), kind in zip(panels, kinds, strict=True):
        cuts = diagnosis.cuts(kind)
        ticks = np.arange(len(cuts))
        for name, look in _looks(diagnosis):
            found = [cut[name] for cut in cuts.values()]
            share.plot(ticks, [cut.kept for cut in found], label=name, marker="o", ms=4, lw=1.4, **look)
            left = [np.nan if cut.state_error is None else cut.state_error for cut in found]
            error.plot(ticks, left, marker="o", ms=4, lw=1.4, **look)
        allowed = cuts[1.0][BEHAVIOUR].state_error
        if allowed is not None:
            error.axhline(allowed, **_REFERENCE)
        share.set_title(f"{kind.capitalize()}: steps that are kept")
        share.set_ylim(-0.03, 1.03)
        share.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        error.set_title("Their error of states")
        error.set_ylim(bottom=0)
        share.set_xticks(ticks, [f"{quantile:g}" if quantile < 1 else "no stop" for quantile in cuts])
    for axes in panels[-1]:
        axes.set_xlabel("Stop at this quantile on the data")
    return _with_legend(figure, panels[0, 0])


def _looks(diagnosis: ModelDiagnosis) -> Iterable[tuple[str, dict[str, Any]]]:
    """A look for each source; the data's actions and random ones always have the same."""
    policies = [name for name in diagnosis.sources if name not in (BEHAVIOUR, RANDOM)]
    looks: dict[str, dict[str, Any]] = {
        BEHAVIOUR: {"color": INK, "ls": "-"},
        RANDOM: {"color": GREY, "ls": (0, (6, 2, 1, 2))},
    }
    looks |= {
        name: {"color": colour, "ls": style}
        for name, (style, colour) in zip(policies, itertools.cycle(_OTHERS), strict=False)
    }
    return [(name, looks[name]) for name in diagnosis.sources]


def _known_kinds(diagnosis: ModelDiagnosis) -> tuple[str, ...]:
    if not diagnosis.kinds:
        raise ConfigurationError("the model has no uncertainty to draw: nothing of its rollouts can be cut by it")
    return diagnosis.kinds


def _with_legend(figure: Figure, axes: Axes) -> Figure:
    """With the legend of these axes below all."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, handlelength=2.4)
    return figure


def _binned(errors: RolloutErrors, kind: str) -> tuple[DoubleArray, DoubleArray]:
    """Mean uncertainty and mean error of equal parts of the steps, in the order of their uncertainty."""
    known, error = errors.counted_uncertainties[kind].ravel(), errors.state_errors.ravel()
    counted = ~np.isnan(error)
    order = np.argsort(known[counted], kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    means = [[float(values[counted][part].mean()) for part in parts] for values in (known, error)]
    return np.array(means[0]), np.array(means[1])


def _scale(panels: Sequence[Axes]) -> None:
    """Logarithmic axes where all is above 0; a model without any error, for one, has none to show on those."""
    lines = np.concatenate([np.asarray(line.get_xydata()) for axes in panels for line in axes.get_lines()])
    for axes in panels if (lines > 0).all() else ():
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
