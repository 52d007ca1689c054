"""RKN is MTS3 of a single level that ignores actions."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from world_model_contract import ACT, OBS, Learning, WorldModelContract

from mbrl_mts3.models import MTS3, RKN

SMALL = {"latent_dim": 6, "encoder_hidden": (16,), "decoder_hidden": (16,)}


class TestRKNContract(WorldModelContract):
    @pytest.fixture
    def make(self):
        return partial(RKN, OBS, ACT, **{**SMALL, "transition": "banded_locally_linear"})

    @pytest.fixture
    def uses_actions(self):
        return False

    @pytest.fixture
    def learning(self):
        return Learning(updates=100, learning_rate=0.03, batch=32, steps=15, nats=0.05)

    @pytest.fixture
    def alternatives(self):
        return {
            "latent_dim": 7,
            "transition": "locally_linear",
            "target": "delta",
            "encoder_hidden": (17,),
            "decoder_hidden": (17,),
            "variance_hidden": (5,),
            "heteroscedastic": True,
            "initial_variance": 1.0,
        }


def test_it_equals_one_level_of_mts3_without_actions():
    model = RKN(OBS, ACT, **SMALL)
    twin = MTS3(OBS, 0, (), **SMALL, transition="locally_linear")
    twin.load_state_dict(model.state_dict())
    observations, actions = torch.randn(2, 7, OBS), torch.randn(2, 7, ACT)
    expected = twin(observations, actions[..., :0])
    for a, b in zip(model(observations, actions).tensors(), expected.tensors(), strict=True):
        assert torch.equal(a, b)
