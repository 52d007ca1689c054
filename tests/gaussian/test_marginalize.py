"""Marginalisation against dense matrix products, and stability over many steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from beliefs import is_valid
from hypothesis import given
from hypothesis import strategies as st

from mbrl_mts3.gaussian import DenseMap, DiagonalMap, Evidence, FactorisedGaussian, condition, marginalize
from mbrl_mts3.networks import TRANSITIONS, make_transition


@given(n=st.integers(1, 6), causes=st.integers(1, 3), seed=st.integers(0, 2**32 - 1))
def test_several_causes_equal_the_projected_dense_sum(random_belief, dense, projected, n, causes, seed):
    rng = np.random.default_rng(seed)
    beliefs = [random_belief(rng, n) for _ in range(causes)]
    matrices = [rng.normal(size=(2 * n, 2 * n)) for _ in range(causes)]
    noise, offset = rng.gamma(1.0, 1.0, 2 * n), rng.normal(size=2 * n)
    result = marginalize(
        [(DenseMap(torch.tensor(f)), belief) for f, belief in zip(matrices, beliefs, strict=True)],
        torch.tensor(noise),
        torch.tensor(offset),
    )
    mean, cov = offset, np.diag(noise)
    for f, belief in zip(matrices, beliefs, strict=True):
        m, s = dense(belief)
        mean, cov = mean + f @ m, cov + f @ s @ f.T
    np.testing.assert_allclose(result.mean.numpy(), mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(result.covariance.numpy(), projected(cov), rtol=1e-10, atol=1e-10)
    assert is_valid(result, tolerance=1e-9)


def test_a_matrix_per_batch_element_equals_each_alone(random_belief):
    rng = np.random.default_rng(0)
    belief = random_belief(rng, 3, (4,))
    weight = torch.tensor(rng.normal(size=(4, 6, 6)))
    together = DenseMap(weight).apply(belief)
    for i in range(4):
        alone = DenseMap(weight[i]).apply(belief[i])
        torch.testing.assert_close(together[i].mean, alone.mean)
        torch.testing.assert_close(together[i].covariance, alone.covariance)


@pytest.mark.parametrize(("rows", "columns"), [(2, 5), (5, 2)])
def test_a_map_between_latents_of_two_sizes_equals_the_projected_dense_one(
    random_belief, dense, projected, rows, columns
):
    rng = np.random.default_rng(2)
    belief, matrix = random_belief(rng, columns), rng.normal(size=(2 * rows, 2 * columns))
    mean, cov = dense(belief)
    result = DenseMap(torch.tensor(matrix)).apply(belief)
    np.testing.assert_allclose(result.mean.numpy(), matrix @ mean, rtol=1e-10)
    np.testing.assert_allclose(result.covariance.numpy(), projected(matrix @ cov @ matrix.T), rtol=1e-10, atol=1e-10)


def test_maps_between_latents_of_two_sizes_go_by_batch_element(random_belief):
    rng = np.random.default_rng(3)
    belief, weight = random_belief(rng, 5, (3,)), torch.tensor(rng.normal(size=(3, 4, 10)))
    together = DenseMap(weight).apply(belief)
    for i in range(3):
        torch.testing.assert_close(together[i].covariance, DenseMap(weight[i]).apply(belief[i]).covariance)


def test_dense_maps_keep_single_precision_under_autocast(random_belief):
    belief = random_belief(np.random.default_rng(4), 3, (2,), torch.float32)
    linear_map = DenseMap(torch.randn(6, 6))
    expected = linear_map.apply(belief)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = linear_map.apply(belief)
    assert torch.equal(found.mean, expected.mean)
    assert torch.equal(found.covariance, expected.covariance)
    half = belief.mean.bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(linear_map.apply_mean(half), linear_map.apply_mean(half.float()))


def test_diagonal_maps_equal_their_dense_matrix(random_belief):
    rng = np.random.default_rng(1)
    belief = random_belief(rng, 5, (2, 3))
    diagonal = DiagonalMap(torch.tensor(rng.normal(size=(5, 2, 2))))
    full = DenseMap(diagonal.to_dense()).apply(belief)
    torch.testing.assert_close(diagonal.apply(belief).mean, full.mean)
    torch.testing.assert_close(diagonal.apply(belief).covariance, full.covariance)
    torch.testing.assert_close(diagonal.apply_mean(belief.mean), full.mean)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_covariances_stay_valid_over_thousands_of_steps_in_float32(name, random_belief):
    transition = make_transition(name, 8)
    noise, belief = torch.full((16,), 1e-4), random_belief(np.random.default_rng(2), 8, (4,), torch.float32)
    # Where every state has a matrix of its own, a step takes several times as long.
    steps = 2_000 if "locally_linear" in name else 10_000
    with torch.no_grad():
        linear_map = transition()
        for _ in range(steps):
            shown = torch.rand(4) < 0.3
            belief = condition(belief, Evidence.from_observation(torch.randn(4, 8), torch.rand(4, 8) + 1e-4, shown))
            belief = marginalize([(linear_map, belief)], noise)
    assert torch.isfinite(belief.mean).all()
    assert is_valid(belief, tolerance=1e-5).all()


def test_gradients_are_right(random_belief):
    belief = random_belief(np.random.default_rng(3), 2, (3,))

    def predicted(weight, mean, covariance, noise, offset):
        result = marginalize([(DenseMap(weight), FactorisedGaussian(mean, covariance))], noise, offset)
        return result.mean, result.covariance

    inputs = (torch.randn(4, 4), belief.mean, belief.covariance, torch.rand(4) + 0.1, torch.randn(3, 4))
    assert torch.autograd.gradcheck(predicted, tuple(x.double().clone().requires_grad_() for x in inputs))
