import numpy as np
import pytest
import torch
from scipy import integrate, stats

from mbrl_mts3.metrics import gaussian_crps
from mbrl_mts3.metrics.errors_by_horizon import ErrorSums


@pytest.mark.parametrize(
    ("mean", "deviation", "target"), [(0.0, 1.0, 0.0), (0.3, 0.2, 1.5), (-2.0, 3.0, -4.0), (1.0, 0.7, 0.9)]
)
def test_equals_the_integral_that_defines_it(mean: float, deviation: float, target: float) -> None:
    def squared(x: float) -> float:
        return float((stats.norm.cdf(x, mean, deviation) - (x >= target)) ** 2)

    width = 12 * deviation + abs(target - mean)
    parts = (
        integrate.quad(squared, a, b, epsabs=1e-12)[0] for a, b in ((mean - width, target), (target, mean + width))
    )
    found = gaussian_crps(*(torch.tensor(value, dtype=torch.float64) for value in (mean, deviation**2, target)))
    assert float(found) == pytest.approx(sum(parts), abs=1e-9)


def test_a_point_has_its_absolute_error_and_so_has_a_narrow_gaussian() -> None:
    mean, target = torch.randn(2, 50, dtype=torch.float64)
    point = gaussian_crps(mean, None, target)
    np.testing.assert_allclose(point, (target - mean).abs())
    np.testing.assert_allclose(gaussian_crps(mean, torch.full_like(mean, 1e-12), target), point, atol=1e-6)


def test_the_true_distribution_has_the_lowest_expectation() -> None:
    """E |X - X'| / 2 = s / sqrt(pi) for the true Gaussian."""
    target = 2 * torch.randn(200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scores = {
        (mean, deviation): float(gaussian_crps(*map(torch.tensor, (mean, deviation**2)), target).mean())
        for mean, deviation in ((0.0, 2.0), (0.0, 1.7), (0.0, 2.3), (0.3, 2.0))
    }
    assert min(scores, key=scores.__getitem__) == (0.0, 2.0)
    assert scores[0.0, 2.0] == pytest.approx(2 / np.sqrt(np.pi), rel=0.01)


def test_sums_are_exact_in_float64_for_float32_predictions() -> None:
    mean = torch.full((1000, 1, 1), 0.1)
    levels = torch.tensor([0.5])
    sums = ErrorSums.from_predictions(mean, torch.ones_like(mean), torch.zeros_like(mean), levels)
    single = gaussian_crps(*(torch.tensor(value, dtype=torch.float64) for value in (float(mean[0, 0, 0]), 1.0, 0.0)))
    assert float(sums.crps) == pytest.approx(1000 * float(single), rel=1e-12)
