"""Films read back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.reporting.animation import write_gif

COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]


def test_a_film_shows_its_frames_in_their_order_and_speed(tmp_path: Path) -> None:
    frames = [np.full((40, 80, 3), colour, np.uint8) for colour in COLOURS]
    path = write_gif(tmp_path / "films" / "a.gif", frames, frames_per_second=10, width=20)
    with Image.open(path) as film:
        assert film.n_frames == 3
        assert film.size == (20, 10)
        for number, colour in enumerate(COLOURS):
            film.seek(number)
            assert film.info["duration"] == 100
            np.testing.assert_allclose(np.asarray(film.convert("RGB"))[5, 5], colour, atol=4)


def test_no_frames_and_frames_of_different_sizes_are_refused(tmp_path: Path) -> None:
    for frames in ([], [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8)]):
        with pytest.raises(ShapeError, match="frames of one size"):
            write_gif(tmp_path / "a.gif", frames, 10)
    assert not list(tmp_path.iterdir())
