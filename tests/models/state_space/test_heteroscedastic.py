"""`heteroscedastic` lets predicted variances depend on where the state is, and nothing else does."""

from __future__ import annotations

from inspect import signature

import pytest
import torch

from mbrl_mts3.gaussian import FactorisedGaussian
from mbrl_mts3.models import SINGLE_MODELS

MODELS = [name for name, model in SINGLE_MODELS.items() if "heteroscedastic" in signature(model).parameters]


def variances(name, heteroscedastic):
    """What is read from beliefs of the same covariance, and how it depends on their means."""
    torch.manual_seed(1)
    model = (
        SINGLE_MODELS[name](3, 2, latent_dim=5, variance_hidden=(16,), heteroscedastic=heteroscedastic).double().eval()
    )
    mean = torch.randn(2, 7, 10, dtype=torch.float64, requires_grad=True)
    covariance = torch.cat([torch.rand(10) + 1, torch.rand(5) - 0.5]).double()
    prediction, _ = model.readout(FactorisedGaussian(mean, covariance.expand(2, 7, 15)))
    both = torch.cat([prediction.variance, prediction.reward_variance[..., None]], dim=-1)
    # Through a sum of the variances, a mean that counts for none of them has a gradient of zero.
    (gradient,) = torch.autograd.grad(both.sum(), mean, allow_unused=True, materialize_grads=True)
    return both.detach(), gradient


@pytest.mark.parametrize("name", MODELS)
def test_variances_depend_on_the_mean_where_asked(name):
    found, gradient = variances(name, heteroscedastic=True)
    apart = (found[:, 1:] - found[:, :1]).abs()
    assert (apart > 1e-6).all(), "another mean, another variance"
    assert (gradient.abs().amax((0, 1)) > 0).all(), "every entry of the mean counts"


@pytest.mark.parametrize("name", MODELS)
def test_variances_are_read_from_the_covariance_alone_where_not_asked(name):
    found, gradient = variances(name, heteroscedastic=False)
    torch.testing.assert_close(found, found[:1, :1].expand_as(found))
    assert not gradient.any()


def test_the_models_of_the_mts3_family_have_the_option():
    assert set(MODELS) >= {"MTS3", "AcRKN", "HiPRSSM", "RKN"}
