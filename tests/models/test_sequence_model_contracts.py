"""GRU, LSTM and the Transformers pass the contract of world models."""

from __future__ import annotations

from functools import partial

import pytest
from world_model_case import scaled
from world_model_contract import ACT, OBS, Learning, WorldModelContract

from mbrl_mts3.models import GRU, LSTM, AutoregressiveTransformer, MultiStepTransformer

RECURRENT = {"width": 8, "decoder_hidden": (16,)}
# Shorter than the sequences of the suite, so that the window slides.
ATTENTIVE = {"width": 8, "layers": 2, "heads": 2, "feedforward": 16, "context": 5, "decoder_hidden": (16,)}
FORMS = {
    "gru": partial(GRU, **RECURRENT),
    "gru-delta": partial(GRU, **RECURRENT, target="delta"),
    "gru-complementary": partial(GRU, **RECURRENT, target="complementary"),
    "lstm": partial(LSTM, **RECURRENT),
    "autoregressive": partial(AutoregressiveTransformer, **ATTENTIVE),
    "autoregressive-delta": partial(AutoregressiveTransformer, **ATTENTIVE, target="delta"),
    "autoregressive-complementary": partial(AutoregressiveTransformer, **ATTENTIVE, target="complementary"),
    "multi-step": partial(MultiStepTransformer, **ATTENTIVE),
}


class TestSequenceModelContracts(WorldModelContract):
    @pytest.fixture(params=FORMS, ids=list(FORMS))
    def make(self, request):
        return partial(scaled, FORMS[request.param], OBS, ACT)

    @pytest.fixture
    def alternatives(self, request):
        form = request.node.callspec.params["make"]
        if form.endswith(("-delta", "-complementary")):
            return None
        recurrent = {"width": 9, "target": "delta", "decoder_hidden": (17,), "variance_hidden": (5,)}
        attentive = {"layers": 1, "heads": 1, "feedforward": 17, "context": 4}
        return recurrent if form in ("gru", "lstm") else {**recurrent, **attentive, "width": 12}

    @pytest.fixture
    def learning(self, request):
        # Small networks that start from nothing, where the Kalman models start from the identity.
        budgets = {
            "gru": Learning(updates=300),
            "lstm": Learning(updates=300),
            "autoregressive": Learning(updates=200),
            "multi-step": Learning(updates=400, learning_rate=0.01, nats=0.15),
        }
        return budgets.get(request.node.callspec.params["make"])
