import numpy as np
import pytest

from mbrl_mts3.envs.mobile_robot import HillyTerrain
from mbrl_mts3.errors import ConfigurationError


def draw(seed: int = 0, samples: int = 257, amplitude: float = 1.5, wavelength: float = 6.0) -> HillyTerrain:
    return HillyTerrain.sample(np.random.default_rng(seed), samples, 0.25, amplitude, wavelength)


def test_hills_and_valleys_reach_the_amplitude() -> None:
    heights = draw().heights
    assert (heights.min(), heights.max()) == (pytest.approx(-1.5), pytest.approx(1.5))
    assert not draw(amplitude=0.0).heights.any()


def test_equal_seeds_give_equal_hills() -> None:
    np.testing.assert_array_equal(draw(3).heights, draw(3).heights)
    assert np.abs(draw(3).heights - draw(4).heights).mean() > 0.1


def test_neighbours_are_correlated_as_the_wavelength_says() -> None:
    """White noise through exp(-(w k)^2 / 2) has the autocorrelation exp(-(pi d / w)^2) at the distance d."""
    fields = [draw(seed, wavelength=4.0).heights for seed in range(20)]
    centred = [field - field.mean() for field in fields]
    for shift in (2, 4, 8):
        pairs = [(field * np.roll(field, shift, axis=axis)).mean() for field in centred for axis in (0, 1)]
        correlation = np.sum(pairs) / (2 * np.sum([field.var() for field in centred]))
        assert correlation == pytest.approx(np.exp(-((np.pi * shift * 0.25 / 4.0) ** 2)), abs=0.05)


def test_heights_lie_where_the_rows_and_columns_say() -> None:
    terrain = HillyTerrain(np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]), spacing=0.5)
    x, y = np.array([-0.5, 0.5, 0.0, 0.25, 9.0]), np.array([-0.5, -0.5, 0.5, -0.25, 0.0])
    np.testing.assert_allclose(terrain.height(x, y), [0, 2, 7, 3, 5])
    assert terrain.height(0.0, 0.0) == 4.0


@pytest.mark.parametrize(("options", "message"), [({"amplitude": -1.0}, "at least 0"), ({"wavelength": 1.9}, "short")])
def test_impossible_hills_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        draw(**options)  # type: ignore[arg-type]
