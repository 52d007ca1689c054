"""Figures of policies: estimated against true values, planned against realised ones, and success rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.planned_values import PlannedValues
from mbrl_mts3.metrics.policy_value import PolicyValue
from mbrl_mts3.reporting.maze_plots import MazePath
from mbrl_mts3.reporting.style import BLUE, DISTINCT, GREY, INK, new_figure, styled
from mbrl_mts3.wording import counted


@styled
def policy_value_figure(values: Sequence[PolicyValue], title: str) -> Figure:
    """Estimated against true value of each policy, with 95% intervals; on the dashed line the estimates are exact.

    Args:
        values: with true values.
        title: of the figure.
    """
    figure = new_figure(7.4, 5.4)
    axes = figure.subplots()
    ends: list[float] = []
    ordered = sorted((value for value in values if value.value is not None), key=lambda value: value.value or 0.0)
    for number, value in enumerate(ordered, start=1):
        true = value.value if value.value is not None else 0.0
        low, high = value.interval
        true_low, true_high = value.value_interval or (true, true)
        colour = DISTINCT[number % len(DISTINCT)]
        axes.plot([true, true], [low, high], color=colour, lw=1.4)
        axes.plot([true_low, true_high], [value.estimate] * 2, color=colour, lw=1.4)
        axes.plot(true, value.estimate, "o", ms=11, color=colour, label=f"{number}  {value.name}")
        axes.annotate(
            str(number), (true, value.estimate), color="white", ha="center", va="center", fontsize=7, fontweight="bold"
        )
        ends += [true, value.estimate]
    span = [min(ends), max(ends)]
    axes.plot(span, span, color=GREY, ls="--", lw=1.2, zorder=0, label="model = real")
    axes.set_xlabel("Mean return in the real environment")
    axes.set_ylabel("Mean return in the model")
    axes.set_title(title)
    figure.legend(loc="outside right center", handletextpad=0.3)
    return figure


@styled
def planned_value_figure(values: PlannedValues) -> Figure:
    """What each plan promised against what came in the same steps; on the dashed line the two are equal.

    Raises:
        ConfigurationError: no plan was compared.
    """
    if not len(values.planned):
        raise ConfigurationError(
            f"no plan to plot: no episode lasts as long as the horizon of {counted(values.horizon, 'step')}"
        )
    figure = new_figure(6.6, 5.6)
    axes = figure.subplots()
    # Many points overlap, few ones are to be seen.
    alpha = 0.7 if len(values.planned) < 300 else 0.3
    axes.scatter(
        values.realised,
        values.planned,
        s=14,
        color=BLUE,
        alpha=alpha,
        linewidths=0,
        label="one decision",
    )
    axes.plot(
        values.realised.mean(), values.planned.mean(), marker="D", ms=9, color=INK, mec="white", ls="none", label="mean"
    )
    both = np.concatenate([values.realised, values.planned])
    low, high = float(both.min()), float(both.max())
    room = 0.04 * ((high - low) or 1.0)
    span = [low - room, high + room]
    axes.plot(span, span, color=GREY, ls="--", lw=1.2, zorder=0, label="promised = came")
    axes.set(xlim=span, ylim=span, aspect="equal")
    axes.set_xlabel(f"What came in the same {values.horizon} steps (units of reward)")
    axes.set_ylabel(f"What the plan promised for {values.horizon} steps (units of reward)")
    axes.set_title("Planned against realised value")
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.3)
    return figure


@styled
def control_figure(results: Sequence[ControlResult]) -> Figure:
    """Success rate of each policy with its 95% interval, one row per policy."""
    figure = new_figure(9.0, 1.1 + 0.55 * len(results))
    axes = figure.subplots()
    for row, result in enumerate(results):
        low, high = result.success_interval
        colour = BLUE if row == 0 else GREY
        axes.plot([low, high], [row, row], color=colour, lw=3, solid_capstyle="round", alpha=0.5)
        axes.plot(result.success_rate, row, marker="o", ms=9, color=colour)
        axes.annotate(
            f"{result.success_rate:.0%}  ({low:.0%} to {high:.0%})", (1.0, row), xytext=(12, 0),
            textcoords="offset points", va="center", color=colour, fontweight="bold", annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(range(len(results)), [result.name for result in results])
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("Episodes in which the goal was reached (bar: 95% confidence interval)")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


@dataclass(frozen=True, repr=False)
class ControlResult:
    """Success of one policy over episodes with random starts and goals."""

    name: str
    """Name in figures, such as "MPC, shaped reward"."""
    description: str
    """Description of the policy in one sentence."""
    success_rate: float
    success_interval: tuple[float, float]
    """95% confidence interval of the success rate."""
    episodes: int
    mean_steps: float
    """Mean episode length; episodes end when their goal is reached."""
    ms_per_action: float | None = None
    """Milliseconds per action; None without planning."""
    rollouts: tuple[MazePath, ...] = ()
