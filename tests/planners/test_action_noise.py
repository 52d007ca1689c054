"""Coloured noise against its definition: unit variance, a spectrum that falls as 1 / f^beta."""

import numpy as np
import pytest
import torch

from mbrl_mts3.planners import coloured_covariance, coloured_noise


def draw(count: int, length: int, exponent: float, seed: int = 0) -> torch.Tensor:
    return coloured_noise((count, length), exponent, torch.Generator().manual_seed(seed), torch.float64)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("length", [1, 2, 7, 30])
def test_every_step_is_standard_normal(length: int, exponent: float) -> None:
    noise = draw(40_000, length, exponent)
    assert noise.shape == (40_000, length)
    np.testing.assert_allclose(noise.mean(0), 0, atol=0.025)
    np.testing.assert_allclose(noise.var(0), 1, atol=0.04)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_power_falls_with_frequency_as_asked(exponent: float) -> None:
    power = np.mean(np.abs(np.fft.rfft(draw(4_000, 64, exponent).numpy())) ** 2, axis=0)
    # The highest and the lowest frequency are special, the others lie on a line in log-log axes.
    slope = np.polyfit(np.log(np.arange(1, 32)), np.log(power[1:32]), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.03)


def test_white_noise_is_uncorrelated_and_brown_noise_is_smooth() -> None:
    def neighbours(exponent: float) -> float:
        noise = draw(20_000, 30, exponent)
        return float((noise[:, 1:] * noise[:, :-1]).mean())

    assert neighbours(0.0) == pytest.approx(0, abs=0.01)
    assert 0.3 < neighbours(1.0) < neighbours(2.0)
    assert neighbours(2.0) > 0.8


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_the_covariance_is_that_of_the_noise(length: int, exponent: float) -> None:
    noise = draw(40_000, length, exponent).numpy()
    np.testing.assert_allclose(coloured_covariance(length, exponent), noise.T @ noise / len(noise), atol=0.03)


def test_no_samples_are_none() -> None:
    assert coloured_noise((0, 2, 6), 1.0, torch.Generator()).shape == (0, 2, 6)


def test_same_seed_same_noise() -> None:
    assert torch.equal(draw(3, 10, 1.5, seed=4), draw(3, 10, 1.5, seed=4))
    assert not torch.equal(draw(3, 10, 1.5, seed=4), draw(3, 10, 1.5, seed=5))
