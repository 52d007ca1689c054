"""The one-step MLP passes the contract of world models."""

from __future__ import annotations

from functools import partial

import pytest
from world_model_contract import ACT, OBS, WorldModelContract

from mbrl_mts3.models import ProbabilisticMLP


class TestProbabilisticMLPContract(WorldModelContract):
    @pytest.fixture(params=["mean", "particles"])
    def make(self, request):
        return partial(ProbabilisticMLP, OBS, ACT, propagation=request.param, particles=4, hidden=(16, 16))

    @pytest.fixture
    def alternatives(self, request):
        if request.node.callspec.params["make"] == "mean":
            return None
        return {"propagation": "mean", "particles": 5, "hidden": (17,)}
