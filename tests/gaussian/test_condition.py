"""Conditioning against the dense Kalman filter, and its algebraic properties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beliefs import is_valid
from hypothesis import given
from hypothesis import strategies as st

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian, condition

TOLERANCE = {torch.float32: 2e-3, torch.float64: 1e-9}


def draw_observations(rng, count, n, dtype):
    values = rng.normal(size=(count, n)) * 3
    variances = rng.gamma(1.0, 1.0, (count, n)) + 0.05
    return values, variances, torch.tensor(values, dtype=dtype), torch.tensor(variances, dtype=dtype)


@given(
    n=st.integers(1, 7),
    count=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    mask=st.lists(st.booleans(), min_size=6, max_size=6),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_a_masked_set_gives_the_dense_kalman_posterior(
    random_belief, dense, kalman_update, n, count, seed, mask, dtype
):
    rng = np.random.default_rng(seed)
    prior = random_belief(rng, n, dtype=dtype)
    values, variances, value, variance = draw_observations(rng, count, n, dtype)
    shown = np.array(mask[:count])
    posterior = condition(prior, Evidence.from_observation(value, variance, torch.tensor(shown)).sum(0))
    mean, cov = dense(posterior)
    expected_mean, expected_cov = kalman_update(*dense(prior), values, variances, shown)
    np.testing.assert_allclose(mean, expected_mean, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    np.testing.assert_allclose(cov, expected_cov, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    assert is_valid(posterior, tolerance=1e-4 if dtype == torch.float32 else 1e-9)


def test_a_set_at_once_equals_its_members_one_by_one_in_any_order(random_belief):
    rng = np.random.default_rng(1)
    prior = random_belief(rng, 5)
    _, _, value, variance = draw_observations(rng, 4, 5, torch.float64)
    at_once = condition(prior, Evidence.from_observation(value, variance, None).sum(0))
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        one_by_one = prior
        for i in order:
            one_by_one = condition(one_by_one, Evidence.from_observation(value[i], variance[i], None))
        torch.testing.assert_close(one_by_one.mean, at_once.mean, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(one_by_one.covariance, at_once.covariance, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_observed_is_exactly_the_identity_even_for_nan(random_belief, dtype):
    prior = random_belief(np.random.default_rng(2), 6, (3,), dtype)
    value = torch.full((3, 6), torch.nan, dtype=dtype)
    posterior = condition(
        prior, Evidence.from_observation(value, torch.ones_like(value), torch.zeros(3, dtype=torch.bool))
    )
    assert torch.equal(posterior.mean, prior.mean)
    assert torch.equal(posterior.covariance, prior.covariance)


def test_batch_dimensions_are_independent(random_belief):
    rng = np.random.default_rng(3)
    prior = random_belief(rng, 4, (5,))
    value, variance = torch.randn(5, 4).double(), torch.rand(5, 4).double() + 0.1
    together = condition(prior, Evidence.from_observation(value, variance, None))
    alone = condition(prior[2:3], Evidence.from_observation(value[2:3], variance[2:3], None))
    torch.testing.assert_close(together.mean[2:3], alone.mean, rtol=0, atol=1e-14)
    torch.testing.assert_close(together.covariance[2:3], alone.covariance, rtol=0, atol=1e-14)


def test_gradients_are_right(random_belief):
    prior = random_belief(np.random.default_rng(4), 3, (2,))

    def posterior(mean, covariance, value, variance):
        result = condition(FactorisedGaussian(mean, covariance), Evidence.from_observation(value, variance, None))
        return result.mean, result.covariance

    inputs = (prior.mean, prior.covariance, torch.randn(2, 3).double(), torch.rand(2, 3).double() + 0.5)
    assert torch.autograd.gradcheck(posterior, tuple(x.clone().requires_grad_() for x in inputs))
