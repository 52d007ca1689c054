"""Transitions are contractions wherever training takes their parameters."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.gaussian import DenseMap, FactorisedGaussian
from mbrl_mts3.networks import TRANSITIONS, make_transition
from mbrl_mts3.networks.transitions import spectral_norm


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("push", [0.0, 0.3, 10.0])
def test_the_operator_norm_never_exceeds_one(name, push):
    transition = make_transition(name, 6).double()
    for parameter in transition.parameters():
        parameter.data += push * torch.randn_like(parameter)
    state = torch.randn(500, 12).double()
    moved = transition().apply_mean(state)
    assert (moved.norm(dim=-1) <= state.norm(dim=-1) * (1 + 1e-9)).all()
    assert torch.linalg.matrix_norm(transition().to_dense(), ord=2) <= 1 + 1e-9


@pytest.mark.parametrize("name", TRANSITIONS)
def test_they_start_near_the_identity(name):
    dense = make_transition(name, 20)().to_dense()
    assert torch.linalg.matrix_norm(dense - torch.eye(40), ord=2) < 0.5
    assert torch.linalg.eigvals(dense).abs().median() > 0.9


def test_structures_are_what_their_names_say():
    n = 7
    banded = make_transition("banded", n)().to_dense()
    distance = (torch.arange(n)[:, None] - torch.arange(n)).abs().repeat(2, 2)
    assert (banded[distance > 3] == 0).all()
    assert (banded[distance <= 3] != 0).all()
    diagonal = make_transition("diagonal", n)().to_dense()
    assert (diagonal[distance > 0] == 0).all()
    assert (make_transition("dense", n)().to_dense() != 0).all()


@pytest.mark.parametrize("name", ["locally_linear", "banded_locally_linear"])
def test_locally_linear_mixes_its_bases_by_the_state(name):
    transition = make_transition(name, 3).double()
    mean = torch.randn(4, 6).double()
    belief = FactorisedGaussian(mean, torch.rand(4, 9).double())
    linear_map = transition()
    weights = torch.softmax(transition.gate(mean), dim=-1)
    assert (weights - weights[0]).abs().max() > 1e-3
    for i in range(4):
        mixed = DenseMap(sum(w * f for w, f in zip(weights[i], linear_map.bases, strict=True)))
        torch.testing.assert_close(linear_map.apply(belief).mean[i], mixed.apply(belief[i]).mean)
        torch.testing.assert_close(linear_map.apply(belief).covariance[i], mixed.apply(belief[i]).covariance)


def test_banded_bases_are_those_of_the_rkn_paper():
    """15 matrices of bandwidth 3, nothing learned outside the band."""
    transition = make_transition("banded_locally_linear", 10)
    bases = transition().bases
    distance = (torch.arange(10)[:, None] - torch.arange(10)).abs().repeat(2, 2)
    assert bases.shape == (15, 20, 20)
    assert (bases[:, distance > 3] == 0).all()
    assert (bases[:, distance <= 3] != 0).all()
    assert transition.entries.numel() == 15 * (distance <= 3).sum()


def test_the_spectral_norm_and_its_gradient_are_those_of_a_singular_value_decomposition():
    matrices = torch.randn(3, 5, 4).double().requires_grad_()
    norms, expected = spectral_norm(matrices), torch.linalg.matrix_norm(matrices, ord=2)
    torch.testing.assert_close(norms, expected)
    torch.testing.assert_close(*(torch.autograd.grad(norm.sum(), matrices)[0] for norm in (norms, expected)))


def test_unknown_names_are_refused():
    with pytest.raises(ConfigurationError, match="dense, banded"):
        make_transition("sparse", 3)


@pytest.mark.parametrize("name", TRANSITIONS)
def test_the_rate_says_how_fast_latents_decay_at_the_start(name):
    slow, fast = (torch.linalg.eigvals(make_transition(name, 20, rate)().to_dense()).abs() for rate in (0.02, 1.0))
    assert slow.mean() > 0.9
    assert 0.2 < fast.mean() < 0.85
