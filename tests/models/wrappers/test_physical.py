"""The model in physical units: prepared once, and in reduced precision where asked."""

from __future__ import annotations

import pytest
import torch

from mbrl_mts3.data import Normalizer
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models import MTS3, PhysicalModel


@pytest.fixture
def model():
    torch.manual_seed(0)
    return MTS3(3, 2, (4,), latent_dim=6)


@pytest.fixture
def belief_and_plans(model):
    observations, actions = torch.randn(2, 9, 3), torch.randn(2, 9, 2)
    belief, _ = model.filter(observations, actions)
    return belief.detach(), torch.randn(2, 5, 12, 2)


def test_a_prepared_model_predicts_as_the_model_does(model, belief_and_plans):
    belief, plans = belief_and_plans
    prepared = model.prepared()
    for call in ("imagine", "imagine_mean"):
        for a, b in zip(
            getattr(prepared, call)(belief, plans).tensors(), getattr(model, call)(belief, plans).tensors(), strict=True
        ):
            torch.testing.assert_close(a, b)


def test_a_prepared_model_keeps_its_matrices_and_the_model_itself_does_not(model, belief_and_plans):
    belief, plans = belief_and_plans
    prepared = model.prepared()
    before = prepared.imagine(belief, plans).mean
    with torch.no_grad():
        model.transition.rotation.add_(1.0)
    assert torch.equal(prepared.imagine(belief, plans).mean, before)
    assert not torch.allclose(model.imagine(belief, plans).mean, before)


def test_moving_a_prepared_model_drops_what_was_computed(model, belief_and_plans):
    belief, plans = belief_and_plans
    moved = model.prepared().double()
    assert moved.imagine(belief.to(torch.float64), plans.double()).mean.dtype == torch.float64


def test_bfloat16_changes_the_networks_a_little_and_the_algebra_not_at_all(model, belief_and_plans):
    belief, plans = belief_and_plans
    normalizer = Normalizer.identity(3, 2)
    exact, half = (PhysicalModel(model, normalizer, precision) for precision in ("float32", "bfloat16"))
    with torch.inference_mode():
        for call in ("imagine", "imagine_mean"):
            first, second = getattr(exact, call)(belief, plans), getattr(half, call)(belief, plans)
            for a, b in zip(first.tensors(), second.tensors(), strict=True):
                assert b.dtype == torch.float32
                assert not torch.equal(a, b)
                torch.testing.assert_close(a, b, atol=0.03, rtol=0.03)
        # Nothing observed and no network in the way: a thousand steps of algebra agree to the last digits.
        start, zeros = model.initial_belief(1), torch.zeros(1, 1000, 2)
        for network in (model.control, model.slow_levels[0].action_encoder):
            for parameter in network.parameters():
                parameter.zero_()
        full, reduced = (
            physical.filter(torch.zeros(1, 1000, 3), zeros, torch.zeros(1, 1000) > 0, start)[0]
            for physical in (exact, half)
        )
        for a, b in zip(full.tensors(), reduced.tensors(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)


def test_an_unknown_precision_names_the_known_ones(model):
    with pytest.raises(ConfigurationError, match="bfloat16"):
        PhysicalModel(model, Normalizer.identity(3, 2), "float8")
