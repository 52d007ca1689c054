import numpy as np
import pytest
import torch
from scipy import stats

from mbrl_mts3.metrics import LEVELS, central_quantile, coverage, expected_calibration_error, interval_hits


def test_levels_hold_the_reported_ones() -> None:
    assert {0.5, 0.8, 0.95} <= set(LEVELS)


def test_quantiles_equal_scipy() -> None:
    levels = np.array(LEVELS)
    expected = stats.norm.interval(levels)[1]
    np.testing.assert_allclose(central_quantile(torch.tensor(levels)).numpy(), expected, rtol=1e-9)


def test_hits_equal_scipy_intervals() -> None:
    generator = np.random.default_rng(3)
    mean, target = generator.normal(size=(2, 40, 3)) * 2
    deviation = generator.uniform(0.2, 3, size=(40, 3))
    levels = np.array([0.1, 0.5, 0.95])
    low, high = stats.norm.interval(levels, loc=mean[..., None], scale=deviation[..., None])
    expected = (low <= target[..., None]) & (target[..., None] <= high)
    hits = interval_hits(*map(torch.tensor, (mean, deviation**2, target, levels)))
    np.testing.assert_array_equal(hits.numpy(), expected)
    np.testing.assert_allclose(
        coverage(*map(torch.tensor, (mean, deviation**2, target, levels))), expected.mean((0, 1))
    )


@pytest.mark.parametrize(("mean", "variance"), [(np.nan, 1.0), (np.inf, 1.0), (0.0, np.nan), (0.0, 0.0), (0.0, -1.0)])
def test_invalid_predictions_cover_nothing(mean: float, variance: float) -> None:
    hits = interval_hits(torch.tensor([mean]), torch.tensor([variance]), torch.zeros(1), torch.tensor([0.95]))
    assert not hits.any()


def test_true_distribution_is_calibrated_and_a_narrow_one_is_not() -> None:
    target = torch.randn(20_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    zeros, ones = torch.zeros_like(target), torch.ones_like(target)
    assert expected_calibration_error(levels, coverage(zeros, ones, target, levels)) < 0.01
    narrow = coverage(zeros, 0.25 * ones, target, levels)
    expected = np.abs(2 * stats.norm.cdf(0.5 * stats.norm.interval(np.array(LEVELS))[1]) - 1 - np.array(LEVELS)).mean()
    assert float(expected_calibration_error(levels, narrow)) == pytest.approx(expected, abs=0.01)
