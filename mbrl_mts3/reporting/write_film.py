"""Frames as a movie."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.reporting.atomic_write import write_atomically

_FRAMES_OF_PALETTE = 8


def write_film(path: str | Path, frames: Sequence[np.ndarray], frames_per_second: float, width: int = 240) -> Path:
    """Write a GIF, which needs no player and no codec.

    Args:
        frames: (height, width, 3) uint8 each.
        frames_per_second: at most 50, the fastest that browsers show.
        width: in pixels; the height follows.

    Raises:
        ShapeError: no frames, or of different sizes.
    """
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1:
        raise ShapeError(f"a film needs frames of one size, got {sorted(shapes) or 'none'}")
    size = width, max(1, round(width * frames[0].shape[0] / frames[0].shape[1]))
    images = [Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR) for frame in frames]
    # One palette for all frames: those that share it compress well and do not flicker.
    some = np.concatenate([np.asarray(image) for image in images[:: -(-len(images) // _FRAMES_OF_PALETTE)]])
    palette = Image.fromarray(some).quantize(128, dither=Image.Dither.NONE)
    shown = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = BytesIO()
    pause = max(20, round(1000 / frames_per_second))
    shown[0].save(buffer, format="GIF", save_all=True, append_images=shown[1:], duration=pause, loop=0, optimize=False)
    return write_atomically(path, buffer.getvalue())
