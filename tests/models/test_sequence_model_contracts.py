"""GRU, LSTM and the Transformers pass the contract of world models."""

from __future__ import annotations

from functools import partial

import pytest
from world_model_contract import ACT, OBS, WorldModelContract

from mbrl_mts3.models import GRU, LSTM, AutoregressiveTransformer, MultiStepTransformer

RECURRENT = {"width": 8, "decoder_hidden": (16,)}
# Shorter than the sequences of the suite, so that the window slides.
ATTENTIVE = {"width": 8, "layers": 2, "heads": 2, "feedforward": 16, "context": 5, "decoder_hidden": (16,)}
FORMS = {
    "gru": partial(GRU, **RECURRENT),
    "gru-delta": partial(GRU, **RECURRENT, target="delta"),
    "lstm": partial(LSTM, **RECURRENT),
    "autoregressive": partial(AutoregressiveTransformer, **ATTENTIVE),
    "autoregressive-delta": partial(AutoregressiveTransformer, **ATTENTIVE, target="delta"),
    "multi-step": partial(MultiStepTransformer, **ATTENTIVE),
}


class TestSequenceModelContracts(WorldModelContract):
    @pytest.fixture(params=FORMS, ids=list(FORMS))
    def make(self, request):
        return partial(FORMS[request.param], OBS, ACT)
