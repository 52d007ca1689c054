"""A real rollout beside the model's imagination of it, as a GIF."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mbrl_mts3.metrics.blind_window import BlindWindow
from mbrl_mts3.reporting.atomic_write import write_atomically
from mbrl_mts3.reporting.figure_style import styled
from mbrl_mts3.reporting.maze_layout import MazeLayout
from mbrl_mts3.reporting.rollout_stage import RolloutStage


@styled
def rollout_animation(
    path: str | Path,
    maze: MazeLayout,
    window: BlindWindow,
    *,
    goal: np.ndarray | None = None,
    columns: Sequence[int] = (0, 1),
    frames: int = 150,
    frames_per_second: int = 12,
) -> Path:
    """Write a GIF: left the real positions, right what the model imagines of them, given the same actions.

    Ellipses hold 50% and 95% of the predicted probability. The model observes during the context, then nothing.

    Args:
        window: its dimensions `columns` are positions, in metres.
        goal: (2,), drawn if given.
        frames: at most so many; longer windows are shown at every second, third, ... step. The last one is shown.
        frames_per_second: speed.
    """
    stage = RolloutStage(Figure(figsize=_size(maze), dpi=90), maze, window, goal, columns)
    total = len(window.observations)
    shown = sorted({*range(0, total, -(-total // frames)), total - 1})
    images = _record(stage, shown)
    # Colours are chosen from the last frame, which shows all there is; frames of one palette compress well.
    last = images[-1].quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    quantized = [image.quantize(palette=last, dither=Image.Dither.NONE) for image in images]
    pause = round(1000 / frames_per_second)
    # The last frame stays for a moment before the movie starts again.
    durations = [pause] * (len(shown) - 1) + [1500]
    buffer = BytesIO()
    quantized[0].save(
        buffer, format="GIF", save_all=True, append_images=quantized[1:], duration=durations, loop=0, optimize=False
    )
    return write_atomically(path, buffer.getvalue())


def _size(maze: MazeLayout) -> tuple[float, float]:
    """Inches that leave no blank beside panels of the maze's shape."""
    return 8.4, 3.75 * maze.walls.shape[0] / maze.walls.shape[1] + 1.0


def _record(stage: RolloutStage, steps: Sequence[int]) -> list[Image.Image]:
    """What stands still is drawn once, what moves for each step: far faster than whole figures."""
    canvas: Any = FigureCanvasAgg(stage.figure)  # without annotations in matplotlib
    for artist in stage.moving:
        artist.set_visible(False)
    canvas.draw()
    still = canvas.copy_from_bbox(stage.figure.bbox)
    images = []
    for step in steps:
        canvas.restore_region(still)
        stage.show(step)
        for artist in stage.moving:
            stage.figure.draw_artist(artist)
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return images
