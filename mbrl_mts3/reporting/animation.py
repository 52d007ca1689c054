"""GIFs: a real rollout beside the one that the model imagines, and recorded frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from PIL import Image

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.metrics.open_loop_prediction import OpenLoopWindow
from mbrl_mts3.reporting.maze_plots import MazeLayout
from mbrl_mts3.reporting.style import INK, MODEL, REAL, styled

# Opacity of the ellipses by probability.
_LEVELS = {0.95: 0.15, 0.5: 0.35}
# Frames of a GIF from which its palette is computed.
_PALETTE_FRAMES = 8


@styled
def rollout_animation(
    path: str | Path,
    maze: MazeLayout,
    window: OpenLoopWindow,
    *,
    goal: np.ndarray | None = None,
    columns: Sequence[int] = (0, 1),
    frames: int = 150,
    frames_per_second: int = 12,
) -> Path:
    """Write a GIF: the real positions on the left, those that the model imagines from the same actions on the right.

    Ellipses hold 50% and 95% of the predicted probability. The model observes the context and nothing after it.

    Args:
        window: its dimensions `columns` are positions, in metres.
        goal: (2,), shown if given.
        frames: at most this many; of longer windows every second, third, ... step is shown, and the last one.
        frames_per_second: speed.
    """
    panels = RolloutPanels(Figure(figsize=_size(maze), dpi=90), maze, window, goal, columns)
    total = len(window.observations)
    shown = sorted({*range(0, total, -(-total // frames)), total - 1})
    images = _render(panels, shown)
    # Colours are chosen from the last frame, which has all elements; frames with one palette compress well.
    last = images[-1].quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    quantized = [image.quantize(palette=last, dither=Image.Dither.NONE) for image in images]
    pause = round(1000 / frames_per_second)
    # The last frame is shown longer before the animation starts again.
    durations = [pause] * (len(shown) - 1) + [1500]
    buffer = BytesIO()
    quantized[0].save(
        buffer, format="GIF", save_all=True, append_images=quantized[1:], duration=durations, loop=0, optimize=False
    )
    return write_atomically(path, buffer.getvalue())


def _size(maze: MazeLayout) -> tuple[float, float]:
    """Figure size in inches that fits two panels of the maze's shape."""
    return 8.4, 3.75 * maze.walls.shape[0] / maze.walls.shape[1] + 1.0


def _render(panels: RolloutPanels, steps: Sequence[int]) -> list[Image.Image]:
    """Render the background once and the moving parts for each step, which is much faster than whole figures."""
    canvas: Any = FigureCanvasAgg(panels.figure)  # without annotations in matplotlib
    for artist in panels.moving:
        artist.set_visible(False)
    canvas.draw()
    background = canvas.copy_from_bbox(panels.figure.bbox)
    images = []
    for step in steps:
        canvas.restore_region(background)
        panels.show(step)
        for artist in panels.moving:
            panels.figure.draw_artist(artist)
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return images


class RolloutPanels:
    """Panels that show one time step of a window: the real position, the imagined one and its uncertainty.

    Args:
        figure: empty.
        maze: both panels show it.
        window: its dimensions `columns` are x and y.
        goal: (2,) or None.
        columns: two dimensions of the window.
    """

    def __init__(
        self, figure: Figure, maze: MazeLayout, window: OpenLoopWindow, goal: np.ndarray | None, columns: Sequence[int]
    ) -> None:
        self.figure = figure
        self.context = window.context
        chosen = list(columns)
        self._real = window.observations[:, chosen].numpy()
        # While the model observes, the real positions are shown for it.
        self._imagined = np.concatenate([self._real[: self.context], window.mean[:, chosen].numpy()])
        self._deviation = window.variance[:, chosen].clamp_min(0).sqrt().numpy()
        left, right = _panels(figure, maze, goal)
        self._ellipses = {level: _ellipse(right, alpha) for level, alpha in _LEVELS.items()}
        self._trails = [_line(left, color=REAL, lw=1.6), _line(right, color=MODEL, lw=1.6)]
        style = {"marker": "o", "ms": 10, "mec": "white", "ls": "none"}
        self._dots = [_line(left, color=REAL, **style), _line(right, color=MODEL, **style)]
        self._real_position = _line(right, marker="o", ms=10, mec=REAL, mew=1.8, mfc="none", ls="none")
        self._title = right.set_title("")
        self._caption = figure.text(0.53, 0.03, "", ha="center", fontsize=10)

    @property
    def moving(self) -> list[Artist]:
        """The artists that change with the step, from back to front."""
        return [*self._ellipses.values(), *self._trails, *self._dots, self._real_position, self._title, self._caption]

    def show(self, step: int) -> None:
        """Show time `step` of the window; 0 is its first observation."""
        for artist in self.moving:
            artist.set_visible(True)
        for path, trail, dot in zip((self._real, self._imagined), self._trails, self._dots, strict=True):
            trail.set_data(*path[: step + 1].T)
            dot.set_data(*path[step : step + 1].T)
        self._real_position.set_data(*self._real[step : step + 1].T)
        ahead = step - self.context + 1
        if ahead > 0:
            self._show_imagination(step, ahead)
            return
        for artist in (*self._ellipses.values(), self._real_position):
            artist.set_visible(False)
        self._title.set_text("Model, still observing")
        self._caption.set_text(f"step {step} · open loop from step {self.context} on")

    def _show_imagination(self, step: int, ahead: int) -> None:
        x, y = self._imagined[step].tolist()
        across, up = self._deviation[ahead - 1].tolist()
        for level, ellipse in self._ellipses.items():
            # Mahalanobis radius within which a two-dimensional Gaussian has this probability.
            radius = math.sqrt(-2.0 * math.log1p(-level))
            ellipse.set(center=(x, y), width=2 * radius * across, height=2 * radius * up)
        distance = float(np.linalg.norm(self._real[step] - self._imagined[step]))
        self._title.set_text(f"Imagined open loop, {ahead} step{'s' if ahead > 1 else ''} ahead")
        self._caption.set_text(f"step {step} · imagined and real position (ring) are {distance:.2f} m apart")


def _panels(figure: Figure, maze: MazeLayout, goal: np.ndarray | None) -> tuple[Axes, Axes]:
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    # Fixed margins: with an automatic layout, a part that appears would move the others.
    inch = 1 / figure.get_figheight()
    figure.subplots_adjust(left=0.075, right=0.985, wspace=0.08, bottom=0.75 * inch, top=1 - 0.3 * inch)
    for axes in (left, right):
        maze.draw(axes)
        if goal is not None:
            maze.draw_goal(axes, goal, INK)
    left.set_title("Real")
    right.set_ylabel("")
    return left, right


def _line(axes: Axes, **style: object) -> Line2D:
    line: Line2D = axes.plot([], [], **style)[0]  # type: ignore[arg-type]
    return line


def _ellipse(axes: Axes, alpha: float) -> Ellipse:
    ellipse = Ellipse((0, 0), 0, 0, color=MODEL, alpha=alpha, lw=0)
    axes.add_patch(ellipse)
    return ellipse


def write_gif(path: str | Path, frames: Sequence[np.ndarray], frames_per_second: float, width: int = 240) -> Path:
    """Write frames as a GIF, which every browser shows without a codec.

    Args:
        frames: (height, width, 3) uint8 each.
        frames_per_second: at most 50, the fastest that browsers show.
        width: in pixels; the height follows.

    Raises:
        ShapeError: there are no frames, or their sizes differ.
    """
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1:
        raise ShapeError(f"a GIF needs frames of one size, got {sorted(shapes) or 'none'}")
    size = width, max(1, round(width * frames[0].shape[0] / frames[0].shape[1]))
    images = [Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR) for frame in frames]
    # One palette for all frames: such frames compress well and do not flicker.
    some = np.concatenate([np.asarray(image) for image in images[:: -(-len(images) // _PALETTE_FRAMES)]])
    palette = Image.fromarray(some).quantize(128, dither=Image.Dither.NONE)
    shown = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = BytesIO()
    pause = max(20, round(1000 / frames_per_second))
    shown[0].save(buffer, format="GIF", save_all=True, append_images=shown[1:], duration=pause, loop=0, optimize=False)
    return write_atomically(path, buffer.getvalue())
