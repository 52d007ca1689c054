"""Factorised Gaussians: validity, samples, likelihoods."""

from __future__ import annotations

import numpy as np
import torch
from beliefs import belief_of_parts, is_valid
from scipy.stats import multivariate_normal, norm

from mbrl_mts3.gaussian import FactorisedGaussian, negative_log_likelihood


def test_dense_form_and_validity_agree_with_eigenvalues(random_belief):
    belief = random_belief(np.random.default_rng(0), 4, (50,))
    assert is_valid(belief).all()
    assert (torch.linalg.eigvalsh(belief.to_dense()) > 0).all()
    upper, lower, side = belief.parts
    broken = belief_of_parts(belief.mean, upper, lower, side + 2 * (upper * lower).sqrt())
    assert not is_valid(broken).any()
    assert (torch.linalg.eigvalsh(broken.to_dense()).min(dim=-1).values < 0).all()


def test_cholesky_factors_rebuild_the_covariance(random_belief):
    belief = random_belief(np.random.default_rng(1), 5, (3,))
    root, cross, rest = (torch.diag_embed(part) for part in belief.cholesky())
    factor = torch.cat([torch.cat([root, torch.zeros_like(root)], -1), torch.cat([cross, rest], -1)], -2)
    torch.testing.assert_close(factor @ factor.mT, belief.to_dense())


def test_draws_have_the_moments_of_the_belief(random_belief):
    belief = random_belief(np.random.default_rng(2), 2)
    noise = torch.randn(200_000, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sampled = belief.map(lambda tensor: tensor.expand(200_000, -1)).sample(noise)
    assert (sampled.covariance == 0).all()
    scale = belief.to_dense().diagonal().max()
    torch.testing.assert_close(sampled.mean.mean(0), belief.mean, atol=0.02 * float(scale.sqrt()), rtol=0)
    torch.testing.assert_close(torch.cov(sampled.mean.T), belief.to_dense(), atol=0.02 * float(scale), rtol=0)


def test_zero_variance_draws_are_the_mean():
    belief = FactorisedGaussian(torch.randn(3, 4), torch.zeros(3, 6))
    assert torch.equal(belief.sample(torch.randn(3, 4)).mean, belief.mean)


def test_likelihoods_agree_with_scipy(random_belief):
    rng = np.random.default_rng(3)
    mean, variance, target = rng.normal(size=5), rng.gamma(1.0, 1.0, 5), rng.normal(size=5)
    nll = negative_log_likelihood(*(torch.tensor(x) for x in (mean, variance, target)))
    np.testing.assert_allclose(nll.numpy(), -norm.logpdf(target, mean, np.sqrt(variance)))
    belief = random_belief(rng, 3)
    value, noise = rng.normal(size=3), rng.gamma(1.0, 1.0, 3)
    expected = multivariate_normal(belief.mean.numpy()[:3], belief.to_dense().numpy()[:3, :3] + np.diag(noise)).logpdf(
        value
    )
    # Of one latent observation under a belief: its entries are independent.
    mean, variance = belief.mean[:3], belief.parts[0] + torch.tensor(noise)
    found = -negative_log_likelihood(mean, variance, torch.tensor(value)).sum()
    np.testing.assert_allclose(float(found), expected)


def test_moves_between_dtypes_and_prints_shapes(random_belief):
    belief = random_belief(np.random.default_rng(4), 2, (3,))
    assert belief.to(torch.float32).covariance.dtype == torch.float32
    assert belief.mean.dtype == torch.float64, "records are immutable"
    assert repr(belief) == "FactorisedGaussian(mean=float64[3, 4], covariance=float64[3, 6])"


def test_an_isotropic_belief_has_equal_variances_and_nothing_else():
    like = torch.zeros(1, dtype=torch.float64)
    belief = FactorisedGaussian.isotropic(3, 4, 2.5, like)
    assert belief.mean.dtype == torch.float64
    assert torch.equal(belief.mean, torch.zeros(3, 8, dtype=torch.float64))
    np.testing.assert_array_equal(belief.to_dense().numpy(), np.broadcast_to(2.5 * np.eye(8), (3, 8, 8)))
    assert belief.latent_dim == 4


def test_a_draw_is_the_mean_and_the_factor_times_the_noise(random_belief):
    belief = random_belief(np.random.default_rng(4), 3)
    noise = torch.randn(6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    # NumPy's factor of each 2x2 block: its diagonal is positive, so that equal noise is the same quantile always.
    blocks = belief.to_dense().numpy()
    deviation = np.zeros(6)
    for place in range(3):
        pair = [place, place + 3]
        deviation[pair] = np.linalg.cholesky(blocks[np.ix_(pair, pair)]) @ noise.numpy()[pair]
    np.testing.assert_allclose(belief.sample(noise).mean.numpy(), belief.mean.numpy() + deviation)


def test_factors_of_a_belief_that_rounding_has_moved_to_the_edge_are_finite_and_real():
    # By entry: a variance just below zero, one of zero beside a covariance that is not, and a correlation above 1.
    belief = belief_of_parts(
        torch.zeros(6), torch.tensor([-1e-9, 0.0, 1.0]), torch.tensor([1.0, 4.0, 1 - 1e-6]), torch.tensor([0, 1e-9, 1])
    )
    root, cross, rest = belief.cholesky()
    assert torch.equal(root, torch.tensor([0.0, 0.0, 1.0]))
    assert torch.equal(cross, torch.tensor([0.0, 0.0, 1.0]))
    assert torch.equal(rest, torch.tensor([1.0, 2.0, 0.0]))


def test_the_factor_of_a_variance_of_zero_has_no_gradient_that_is_not_a_number():
    side = torch.tensor([0.0, 0.3], requires_grad=True)
    _, cross, _ = belief_of_parts(torch.zeros(4), torch.tensor([0.0, 4.0]), torch.ones(2), side).cholesky()
    (gradient,) = torch.autograd.grad(cross.sum(), side)
    assert torch.equal(gradient, torch.tensor([0.0, 0.5]))
