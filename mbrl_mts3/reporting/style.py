"""Style of all figures, without pyplot and its global state.

Colours: Okabe and Ito, "Color Universal Design", 2008; people with a common form of colour blindness can distinguish
them. Lines also differ in style, so that colour is never the only difference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from mbrl_mts3.files import write_atomically

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
SKY = "#56B4E9"
INK = "#1F2328"
GREY = "#6E7781"
GRID = "#E3E6EA"
SHADE = "#F1F3F5"
WALL = "#C9CED4"

MODEL = BLUE
TRUTH = INK
PERSISTENCE = VERMILLION
TRAINING_MEAN = GREY
REAL = GREEN

DISTINCT = (INK, BLUE, VERMILLION, GREEN, SKY)
"""Colours of lines in one figure; greys are for references and the background."""


_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 144,
}
_TICKS = (1, 2, 5, 15, 30, 60, 150, 330, 750, 1500)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def styled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate `function` to use this style; the matplotlib settings of the caller are not changed."""

    @functools.wraps(function)
    def draw(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with matplotlib.rc_context(_STYLE):
            return function(*args, **kwargs)

    return draw


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, with an automatic layout."""
    return Figure(figsize=(width, height), layout="constrained")


def set_title(figure: Figure, title: str) -> None:
    """Write a title above all panels; none where it is empty."""
    if title:
        figure.suptitle(title, fontweight="bold")


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG; equal figures give equal bytes."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=144, metadata={"Software": None})
    return buffer.getvalue()


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a PNG, complete or not at all; missing folders are created."""
    return write_atomically(path, png_bytes(figure))


def horizon_axis(axes: Axes, horizon: int) -> None:
    """Set a logarithmic x axis of the horizons 1 to `horizon` with plain numbers."""
    axes.set_xscale("log")
    ticks = [tick for tick in _TICKS if tick <= horizon / 1.25]
    axes.xaxis.set_major_locator(FixedLocator([*ticks, horizon] if horizon > 1 else [1]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.set_xlabel("Horizon (steps after the last observation)")


def label_line_ends(axes: Axes, labels: dict[str, tuple[float, str]], at: float) -> None:
    """Write labels, each with its (height, colour), beside the ends of lines; overlapping labels are moved apart."""
    low, high = axes.get_ylim()
    apart = 0.085 * (high - low)
    order = sorted(labels, key=lambda name: labels[name][0])
    heights: list[float] = []
    for name in order:
        wanted = min(max(labels[name][0], low), high)
        heights.append(wanted if not heights else max(wanted, heights[-1] + apart))
    excess = max(0.0, heights[-1] - high) if heights else 0.0
    for place in range(len(heights) - 1, -1, -1):
        ceiling = high if place == len(heights) - 1 else heights[place + 1] - apart
        heights[place] = min(heights[place], ceiling) if excess else heights[place]
    for name, height in zip(order, heights, strict=True):
        axes.annotate(
            name, (at, height), xytext=(6, 0), textcoords="offset points", va="center", color=labels[name][1],
            annotation_clip=False, fontweight="bold",
        )  # fmt: skip
