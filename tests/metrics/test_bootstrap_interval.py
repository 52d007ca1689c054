"""The interval against what it promises."""

import math

import numpy as np
import pytest

from mbrl_mts3.metrics import bootstrap_interval, mean_interval


def test_it_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        low, high = bootstrap_interval(generator.exponential(size=40), level=0.8, resamples=300)
        held += low <= 1.0 <= high
    assert 0.72 <= held / 200 <= 0.88


def test_it_is_close_to_student_s_for_normal_values() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 200)
    np.testing.assert_allclose(bootstrap_interval(values), mean_interval(values), atol=0.05)


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.random.default_rng(2).normal(size=20)
    assert bootstrap_interval(values, seed=5) == bootstrap_interval(values, seed=5)
    assert bootstrap_interval(values, seed=5) != bootstrap_interval(values, seed=6)
    assert bootstrap_interval(values, resamples=50) != bootstrap_interval(values, resamples=51)


def test_it_needs_values_that_differ() -> None:
    assert bootstrap_interval([2.0, 2.0, 2.0]) == (2.0, 2.0)
    assert all(math.isnan(end) for end in bootstrap_interval([2.0]))


@pytest.mark.parametrize("level", [0.5, 0.99])
def test_the_level_counts(level: float) -> None:
    values = np.random.default_rng(3).normal(size=30)
    low, high = bootstrap_interval(values, level)
    middle = bootstrap_interval(values, 0.8)
    assert (high - low < middle[1] - middle[0]) == (level < 0.8)
