"""Transitions are contractions wherever training takes their parameters."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.gaussian import DenseMap, FactorisedGaussian
from mbrl_mts3.networks import TRANSITIONS, make_transition


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


def test_locally_linear_mixes_its_bases_by_the_state():
    transition = make_transition("locally_linear", 3).double()
    mean = torch.randn(4, 6).double()
    belief = FactorisedGaussian(mean, torch.rand(4, 9).double())
    linear_map = transition()
    weights = torch.softmax(transition.gate(mean), dim=-1)
    for i in range(4):
        mixed = DenseMap(sum(w * f for w, f in zip(weights[i], linear_map.bases, strict=True)))
        torch.testing.assert_close(linear_map.apply(belief).mean[i], mixed.apply(belief[i]).mean)
        torch.testing.assert_close(linear_map.apply(belief).covariance[i], mixed.apply(belief[i]).covariance)


def test_unknown_names_are_refused():
    with pytest.raises(ConfigurationError, match="dense, banded"):
        make_transition("sparse", 3)
