"""Bayesian aggregation of sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mbrl_mts3.gaussian import Evidence, aggregate


def test_the_empty_set_gives_the_standard_normal_prior():
    belief = aggregate(Evidence.none(2, 6, torch.zeros(())))
    assert torch.equal(belief.mean, torch.zeros(2, 6))
    assert torch.equal(belief.to_dense(), torch.eye(6).expand(2, 6, 6))


def test_aggregation_is_the_posterior_of_a_gaussian_mean_and_ignores_order():
    rng = np.random.default_rng(0)
    values, variances = rng.normal(size=(7, 4)), rng.gamma(2.0, 1.0, (7, 4))
    belief = aggregate(Evidence.from_observation(torch.tensor(values), torch.tensor(variances), None).sum(0))
    precision = np.eye(4) + sum(np.diag(1 / v) for v in variances)
    cov = np.linalg.inv(precision)
    mean = cov @ sum(np.linalg.inv(np.diag(v)) @ w for w, v in zip(values, variances, strict=True))
    np.testing.assert_allclose(belief.mean.numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(belief.to_dense().numpy(), cov, rtol=1e-12, atol=1e-15)
    order = rng.permutation(7)
    shuffled = aggregate(
        Evidence.from_observation(torch.tensor(values[order]), torch.tensor(variances[order]), None).sum(0)
    )
    torch.testing.assert_close(shuffled.mean, belief.mean, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("steps", [1, 5])
def test_running_sums_are_the_evidence_of_every_prefix(steps):
    value, variance = torch.randn(steps, 3), torch.rand(steps, 3) + 0.1
    evidence = Evidence.from_observation(value, variance, None)
    for t in range(steps):
        torch.testing.assert_close(evidence.cumsum(0)[t].precision, evidence[: t + 1].sum(0).precision)
        torch.testing.assert_close(evidence.cumsum(0)[t].information, evidence[: t + 1].sum(0).information)


@pytest.mark.parametrize("weight", [0.25, 1.0, 2.0, 3.0])
def test_tempered_evidence_is_that_of_divided_variances(weight):
    value, variance = torch.randn(4, 3, dtype=torch.float64), torch.rand(4, 3, dtype=torch.float64) + 0.1
    found = Evidence.from_observation(value, variance, None).tempered(weight)
    expected = Evidence.from_observation(value, variance / weight, None)
    torch.testing.assert_close(found.precision, expected.precision)
    torch.testing.assert_close(found.information, expected.information)


def test_evidence_of_weight_zero_is_none():
    value, variance = torch.randn(2, 3), torch.rand(2, 3) + 0.1
    found, none = Evidence.from_observation(value, variance, None).tempered(0.0), Evidence.none(2, 3, value)
    assert torch.equal(found.precision, none.precision)
    assert torch.equal(found.information, none.information)


def test_the_evidence_of_two_sets_is_their_sum():
    value, variance = torch.randn(5, 3), torch.rand(5, 3) + 0.1
    evidence = Evidence.from_observation(value, variance, None)
    together = evidence[:2].sum(0) + evidence[2:].sum(0)
    torch.testing.assert_close(together.precision, (1 / variance).sum(0))
    torch.testing.assert_close(together.information, (value / variance).sum(0))


def test_a_mask_of_several_dimensions_hides_whole_observations():
    value, variance = torch.randn(2, 3, 4), torch.rand(2, 3, 4) + 0.1
    mask = torch.tensor([[True, False, True], [False, True, True]])
    value[~mask] = torch.nan
    found = Evidence.from_observation(value, variance, mask)
    for i, j in np.ndindex(2, 3):
        shown = bool(mask[i, j])
        expected = value[i, j] / variance[i, j] if shown else torch.zeros(4)
        torch.testing.assert_close(found.information[i, j], expected)
        torch.testing.assert_close(found.precision[i, j], 1 / variance[i, j] if shown else torch.zeros(4))
