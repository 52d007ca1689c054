"""Intervals that assume no distribution, against what theory says."""

import numpy as np
import pytest

from mbrl_mts3.metrics.confidence_intervals import bootstrap_interval, interquartile_mean


def test_the_outer_quarters_do_not_count() -> None:
    assert interquartile_mean([-1e9, 1, 2, 3, 4, 5, 6, 1e9]) == pytest.approx(np.mean([2, 3, 4, 5]))
    assert interquartile_mean([7.0]) == 7
    np.testing.assert_allclose(interquartile_mean(np.array([[0, 1, 3, 9], [2, 4, 4, 8]]), axis=1), [2, 4])


def test_of_a_mean_it_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).exponential(size=400)
    low, high = bootstrap_interval(values, resamples=4000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)
    narrow = bootstrap_interval(values, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_outliers_move_the_mean_alone() -> None:
    values = np.append(np.random.default_rng(0).normal(size=40), 1e6)
    assert bootstrap_interval(values, interquartile_mean)[1] < 2
    assert bootstrap_interval(values)[1] > 1e4


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.random.default_rng(0).normal(size=10)
    assert bootstrap_interval(values) == bootstrap_interval(list(values))
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)


def test_one_value_has_no_interval_and_equal_ones_have_none_either_side() -> None:
    assert np.isnan(bootstrap_interval([3.0])).all()
    assert bootstrap_interval([3.0, 3.0, 3.0]) == (3.0, 3.0)
