"""Ensembles pass the contract of world models."""

from __future__ import annotations

from functools import partial

import pytest
from world_model_contract import ACT, OBS, WorldModelContract

from mbrl_mts3.models import Ensemble

FORMS = {
    "MTS3": {
        "time_scales": (5,),
        "latent_dim": 4,
        "encoder_hidden": (12,),
        "window_hidden": (12,),
        "action_hidden": (12,),
        "control_hidden": (12,),
        "decoder_hidden": (12,),
    },
    "ProbabilisticMLP": {"hidden": (16, 16), "particles": 3},
}


class TestEnsembleContract(WorldModelContract):
    @pytest.fixture(params=list(FORMS))
    def make(self, request):
        return partial(Ensemble, OBS, ACT, request.param, 3, FORMS[request.param])
