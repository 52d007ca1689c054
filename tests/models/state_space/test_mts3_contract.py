"""MTS3 in all its forms passes the contract of world models."""

from __future__ import annotations

import pytest
from world_model_contract import Learning, WorldModelContract, each_form, in_forms, make_forms

from mbrl_mts3.models import MTS3

SMALL = {
    "latent_dim": 6,
    "encoder_hidden": (16,),
    "window_hidden": (16,),
    "action_hidden": (16,),
    "control_hidden": (16,),
    "decoder_hidden": (16,),
}
FORMS = {
    "two-levels": {"time_scales": (5,)},
    "three-levels": {"time_scales": (2, 4)},
    "one-level": {"time_scales": ()},
    "window": {"time_scales": (5,), "aggregation": "window"},
    "smoothing": {"time_scales": (5,), "conditioning": "posterior"},
    "exact": {"time_scales": (2, 4), "shared_latent": "exact"},
    "delta": {"time_scales": (5,), "target": "delta"},
    "complementary": {"time_scales": (5,), "target": "complementary"},
    "diagonal": {"time_scales": (5,), "transition": "diagonal"},
    "banded": {"time_scales": (5,), "transition": "banded"},
    "locally-linear": {"time_scales": (5,), "transition": "locally_linear"},
    "narrow-slow-level": {"time_scales": (2, 4), "slow_latent_dim": 3},
    "gated": {"time_scales": (5,), "gated": True},
    "unactuated": {"time_scales": (5,), "actuated": False},
    "no-abstract-action": {"time_scales": (5,), "abstract_actions": False},
    # What configs/model/mts3_deep.yaml turns on, and what narrows the slow level, all at once.
    "deep": {
        "time_scales": (5,),
        "slow_latent_dim": 4,
        "gated": True,
        "variance_hidden": (5,),
        "heteroscedastic": True,
        "slow_initial_variance": 1.0,
        "target": "complementary",
    },
}
ALTERNATIVES = {
    "time_scales": (2, 4),
    "latent_dim": 7,
    "slow_latent_dim": 3,
    "transition": "diagonal",
    "aggregation": "window",
    "conditioning": "posterior",
    "shared_latent": "exact",
    "target": "delta",
    "actuated": False,
    "abstract_actions": False,
    "encoder_hidden": (17,),
    "window_hidden": (17,),
    "action_hidden": (17,),
    "control_hidden": (17,),
    "gated": True,
    "decoder_hidden": (17,),
    "variance_hidden": (17,),
    "heteroscedastic": True,
    "initial_variance": 1.0,
    "slow_initial_variance": 1.0,
}


class TestMTS3Contract(WorldModelContract):
    form = each_form(FORMS)
    make = make_forms(MTS3, SMALL, FORMS)
    alternatives = in_forms(ALTERNATIVES, "two-levels")
    learning = in_forms(Learning(), "two-levels", "three-levels", "deep")

    @pytest.fixture
    def uses_actions(self, form):
        return form != "unactuated"

    def test_predictions_do_not_depend_on_later_observations(self, model, form):
        if form == "smoothing":
            pytest.skip("smoothing sees the whole cell, and says so through `causal`")
        super().test_predictions_do_not_depend_on_later_observations(model)
