"""The two panels of a rollout animation, and what moves in them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from mbrl_mts3.metrics.blind_window import BlindWindow
from mbrl_mts3.reporting import palette
from mbrl_mts3.reporting.maze_layout import MazeLayout

_LEVELS = {0.95: 0.15, 0.5: 0.35}


class RolloutStage:
    """Draws time `step` of a window: the real position, the imagined one, and how sure the model is of it.

    Args:
        figure: empty.
        maze: both panels show it.
        window: its dimensions `columns` are x and y.
        goal: (2,) or None.
        columns: two dimensions of the window.
    """

    def __init__(
        self, figure: Figure, maze: MazeLayout, window: BlindWindow, goal: np.ndarray | None, columns: Sequence[int]
    ) -> None:
        self.figure = figure
        self.context = window.context
        chosen = list(columns)
        self._real = window.observations[:, chosen].numpy()
        # While the model observes, what it knows is what there is.
        self._imagined = np.concatenate([self._real[: self.context], window.mean[:, chosen].numpy()])
        self._deviation = window.variance[:, chosen].clamp_min(0).sqrt().numpy()
        left, right = _panels(figure, maze, goal)
        self._ellipses = {level: _ellipse(right, alpha) for level, alpha in _LEVELS.items()}
        self._trails = [_line(left, color=palette.REAL, lw=1.6), _line(right, color=palette.MODEL, lw=1.6)]
        look = {"marker": "o", "ms": 10, "mec": "white", "ls": "none"}
        self._dots = [_line(left, color=palette.REAL, **look), _line(right, color=palette.MODEL, **look)]
        self._ghost = _line(right, marker="o", ms=10, mec=palette.REAL, mew=1.8, mfc="none", ls="none")
        self._title = right.set_title("")
        self._caption = figure.text(0.53, 0.03, "", ha="center", fontsize=10)

    @property
    def moving(self) -> list[Artist]:
        """All that changes with the step, from back to front."""
        return [*self._ellipses.values(), *self._trails, *self._dots, self._ghost, self._title, self._caption]

    def show(self, step: int) -> None:
        """Set the stage to time `step` of the window, 0 being its first observation."""
        for artist in self.moving:
            artist.set_visible(True)
        for path, trail, dot in zip((self._real, self._imagined), self._trails, self._dots, strict=True):
            trail.set_data(*path[: step + 1].T)
            dot.set_data(*path[step : step + 1].T)
        self._ghost.set_data(*self._real[step : step + 1].T)
        blind = step - self.context + 1
        if blind > 0:
            self._show_imagination(step, blind)
            return
        for artist in (*self._ellipses.values(), self._ghost):
            artist.set_visible(False)
        self._title.set_text("Model, still observing")
        self._caption.set_text(f"step {step} · blind from step {self.context} on")

    def _show_imagination(self, step: int, blind: int) -> None:
        x, y = self._imagined[step].tolist()
        across, up = self._deviation[blind - 1].tolist()
        for level, ellipse in self._ellipses.items():
            # Mahalanobis radius within which a two-dimensional Gaussian has this probability.
            radius = math.sqrt(-2.0 * math.log1p(-level))
            ellipse.set(center=(x, y), width=2 * radius * across, height=2 * radius * up)
        distance = float(np.linalg.norm(self._real[step] - self._imagined[step]))
        self._title.set_text(f"Imagined, blind for {blind} step{'s' if blind > 1 else ''}")
        self._caption.set_text(f"step {step} · imagined and real position (ring) are {distance:.2f} m apart")


def _panels(figure: Figure, maze: MazeLayout, goal: np.ndarray | None) -> tuple[Axes, Axes]:
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    # Fixed, not arranged by matplotlib: a part that appears must not move the others.
    inch = 1 / figure.get_figheight()
    figure.subplots_adjust(left=0.075, right=0.985, wspace=0.08, bottom=0.75 * inch, top=1 - 0.3 * inch)
    for axes in (left, right):
        maze.draw(axes)
        if goal is not None:
            maze.draw_goal(axes, goal, palette.INK)
    left.set_title("Real")
    right.set_ylabel("")
    return left, right


def _line(axes: Axes, **look: object) -> Line2D:
    line: Line2D = axes.plot([], [], **look)[0]  # type: ignore[arg-type]
    return line


def _ellipse(axes: Axes, alpha: float) -> Ellipse:
    ellipse = Ellipse((0, 0), 0, 0, color=palette.MODEL, alpha=alpha, lw=0)
    axes.add_patch(ellipse)
    return ellipse
