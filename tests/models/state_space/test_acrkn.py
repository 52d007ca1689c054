"""Ac-RKN, locally linear and dense, is MTS3 of a single level."""

from __future__ import annotations

import pytest
import torch
from world_model_contract import ACT, OBS, WorldModelContract, each_form, in_forms, make_forms

from mbrl_mts3.models import MTS3, AcRKN

SMALL = {"latent_dim": 6, "encoder_hidden": (16,), "control_hidden": (16,), "decoder_hidden": (16,)}
FORMS = {
    "locally-linear": {"transition": "locally_linear"},
    "dense": {"transition": "dense"},
    "deep": {"transition": "dense", "variance_hidden": (5,), "heteroscedastic": True},
}
ALTERNATIVES = {
    "latent_dim": 7,
    "transition": "dense",
    "target": "delta",
    "encoder_hidden": (17,),
    "control_hidden": (17,),
    "decoder_hidden": (17,),
    "variance_hidden": (5,),
    "heteroscedastic": True,
    "initial_variance": 1.0,
}


class TestAcRKNContract(WorldModelContract):
    form = each_form(FORMS)
    make = make_forms(AcRKN, SMALL, FORMS)
    alternatives = in_forms(ALTERNATIVES, "locally-linear")


@pytest.mark.parametrize("transition", ["locally_linear", "dense"])
def test_it_equals_one_level_of_mts3(transition):
    model = AcRKN(OBS, ACT, **SMALL, transition=transition)
    twin = MTS3(OBS, ACT, (), **SMALL, transition=transition)
    twin.load_state_dict(model.state_dict())
    observations, actions = torch.randn(2, 7, OBS), torch.randn(2, 7, ACT)
    for a, b in zip(model(observations, actions).tensors(), twin(observations, actions).tensors(), strict=True):
        assert torch.equal(a, b)
