"""Figures of a diagnosis: errors by step, errors by uncertainty, and what a stop at a quantile leaves."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mbrl_mts3.array_types import DoubleArray
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.diagnosis.model_diagnosis import BEHAVIOUR, RANDOM, ModelDiagnosis
from mbrl_mts3.metrics.diagnosis.rollout_errors import RolloutErrors
from mbrl_mts3.reporting.style import BLUE, GREEN, GREY, INK, SKY, VERMILLION, new_figure, styled

_OTHERS: tuple[Any, ...] = tuple(itertools.product(("-", (0, (5, 2)), (0, (1, 1.2))), (BLUE, VERMILLION, GREEN, SKY)))
"""Looks of policies: no two are alike in colour and style until there are a dozen."""
_BINS = 10


@styled
def step_error_figure(diagnosis: ModelDiagnosis) -> Figure:
    """By step and source: the error of states, that of rewards, and how much rewards are too high."""
    figure = new_figure(7.4, 8.6)
    states, rewards, bias = figure.subplots(3, 1, sharex=True)
    steps = np.arange(1, diagnosis.horizon + 1)
    for name, look in _looks(diagnosis):
        errors = diagnosis.sources[name].by_step()
        for axes, values in ((states, errors.state_mean), (rewards, errors.reward), (bias, errors.reward_bias)):
            axes.plot(steps, values, label=name, marker="o", ms=3, lw=1.7, **look)
    unchanged = diagnosis.sources[BEHAVIOUR].by_step().state_unchanged
    states.plot(steps, unchanged, color=GREY, ls=(0, (2, 2)), lw=1.2, label="behaviour, if nothing moved")
    bias.axhline(0, color=GREY, lw=1)
    states.set_title("Error of states")
    states.set_ylabel("standard deviations of the data")
    rewards.set_title("Error of rewards")
    rewards.set_ylabel("units of reward")
    bias.set_title("Imagined less true reward")
    bias.set_ylabel("units of reward")
    states.set_ylim(bottom=0)
    rewards.set_ylim(bottom=0)
    bias.set_xlabel("Steps after the last observation")
    bias.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    handles, labels = states.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=2.4)
    figure.align_ylabels()
    return figure


@styled
def ranking_figure(diagnosis: ModelDiagnosis) -> Figure:
    """True error of states against each uncertainty, in ten equal parts of each source's steps.

    Raises:
        ConfigurationError: the model has no uncertainty.
    """
    figure, panels = _panels(diagnosis, 1, 3.6)
    for axes, kind in zip(panels[0], diagnosis.kinds, strict=True):
        for name, look in _looks(diagnosis):
            known, error = _binned(diagnosis.sources[name], kind)
            axes.plot(known, error, label=name, marker="o", ms=4, lw=1.4, **look)
        axes.set_title(kind.capitalize())
        axes.set_xlabel("Uncertainty of the step")
        _logarithmic(axes)
    panels[0][0].set_ylabel("True error of the state")
    _legend_below(figure, panels[0][0])
    return figure


@styled
def cut_figure(diagnosis: ModelDiagnosis) -> Figure:
    """By the quantile where rollouts stop: the share of steps that is kept, and their error of states.

    Raises:
        ConfigurationError: the model has no uncertainty.
    """
    figure, panels = _panels(diagnosis, 2, 5.6)
    for place, kind in enumerate(diagnosis.kinds):
        share, error = panels[0][place], panels[1][place]
        cuts = diagnosis.cuts(kind)
        ticks = np.arange(len(cuts))
        for name, look in _looks(diagnosis):
            found = [cut[name] for cut in cuts.values()]
            share.plot(ticks, [cut.kept for cut in found], label=name, marker="o", ms=4, lw=1.4, **look)
            left = [np.nan if cut.state_error is None else cut.state_error for cut in found]
            error.plot(ticks, left, marker="o", ms=4, lw=1.4, **look)
        allowed = cuts[1.0][BEHAVIOUR].state_error
        if allowed is not None:
            error.axhline(allowed, color=GREY, ls=(0, (2, 2)), lw=1.2)
        share.set_title(kind.capitalize())
        share.set_ylim(-0.03, 1.03)
        share.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        error.set_ylim(bottom=0)
        names = [f"{quantile:g}" if quantile < 1 else "no stop" for quantile in cuts]
        for axes in (share, error):
            axes.set_xticks(ticks, names)
        share.tick_params(labelbottom=False)
        error.set_xlabel("Quantile of the uncertainty on the data")
    panels[0][0].set_ylabel("Steps that are kept")
    panels[1][0].set_ylabel("Their error of states")
    figure.align_ylabels()
    _legend_below(figure, panels[0][0])
    return figure


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


def _panels(diagnosis: ModelDiagnosis, rows: int, height: float) -> tuple[Figure, Any]:
    kinds = len(diagnosis.kinds)
    if not kinds:
        raise ConfigurationError("the model has no uncertainty to draw: nothing of its rollouts can be cut by it")
    figure = new_figure(max(4.6, 3.7 * kinds), height)
    return figure, figure.subplots(rows, kinds, sharey="row", squeeze=False)


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=2.4)


def _binned(errors: RolloutErrors, kind: str) -> tuple[DoubleArray, DoubleArray]:
    """Mean uncertainty and mean error of equal parts of the steps, in the order of their uncertainty."""
    known, error = errors.counted_uncertainties[kind].ravel(), errors.state_errors.ravel()
    counted = ~np.isnan(error)
    order = np.argsort(known[counted], kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    means = [[float(values[counted][part].mean()) for part in parts] for values in (known, error)]
    return np.array(means[0]), np.array(means[1])


def _logarithmic(axes: Axes) -> None:
    """Where all is above 0; a model without any error, for one, has none to show on such an axis."""
    lines = np.concatenate([line.get_xydata() for line in axes.get_lines()])
    if (lines > 0).all():
        axes.set_xscale("log")
        axes.set_yscale("log")
