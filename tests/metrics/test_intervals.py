"""Confidence intervals, against tables and by their coverage."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from mbrl_mts3.metrics import mean_interval, wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (50, 50), (48, 50), (7, 20), (1, 1)])
def test_wilson_agrees_with_scipy(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_higher_level_is_wider() -> None:
    low, high = wilson_interval(7, 20, level=0.99)
    assert (low, high) == pytest.approx(tuple(binomtest(7, 20).proportion_ci(0.99, method="wilson")), abs=1e-9)


def test_the_mean_lies_in_its_interval_as_often_as_said() -> None:
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(4_000, 5))
    inside = [low <= 3.0 <= high for low, high in map(mean_interval, samples)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_too_little_to_tell_is_nan() -> None:
    assert all(math.isnan(bound) for bound in (*wilson_interval(0, 0), *mean_interval([1.0])))


def test_none_and_all_are_exact_ends() -> None:
    assert wilson_interval(0, 50)[0] == 0
    assert wilson_interval(50, 50)[1] == 1
