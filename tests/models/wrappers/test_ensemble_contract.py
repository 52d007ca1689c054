"""Ensembles pass the contract of world models."""

from __future__ import annotations

from functools import partial

import pytest
from world_model_contract import ACT, OBS, SMALL_MTS3, Learning, Together, WorldModelContract

from mbrl_mts3.models import Ensemble

FORMS = {
    "MTS3": {"time_scales": (5,), **SMALL_MTS3},
    "ProbabilisticMLP": {"hidden": (16, 16), "particles": 3},
}


class TestEnsembleContract(WorldModelContract):
    @pytest.fixture(params=list(FORMS))
    def make(self, request):
        return partial(Ensemble, OBS, ACT, member=request.param, members=3, options=FORMS[request.param])

    @pytest.fixture
    def alternatives(self, request):
        if request.node.callspec.params["make"] != "MTS3":
            return None
        other = {"hidden": (16, 16)}
        return {
            "member": Together(member="ProbabilisticMLP", options=other),
            "members": 4,
            "options": {**FORMS["MTS3"], "latent_dim": 5},
        }

    @pytest.fixture
    def learning(self, request):
        # A third of each batch is what a member sees.
        return (
            Learning(updates=300, batch=96, nats=0.15) if request.node.callspec.params["make"] == "MTS3" else Learning()
        )
