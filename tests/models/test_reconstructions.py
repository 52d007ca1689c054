"""What state space models decode from updated beliefs in training, against the belief of single steps."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mbrl_mts3.models import MTS3, RKN, HiPRSSM, WorldModel
from mbrl_mts3.models.changes import set_change_scale

MODELS: dict[str, tuple[type[WorldModel], dict[str, Any]]] = {
    "one level": (MTS3, {"time_scales": ()}),
    "two levels, gated": (MTS3, {"time_scales": (3,), "gated": True, "heteroscedastic": True}),
    "RKN": (RKN, {}),
    "HiP-RSSM": (HiPRSSM, {}),
}


@pytest.mark.parametrize("name", MODELS)
def test_they_are_decoded_from_the_belief_that_single_steps_give(name: str) -> None:
    kind, options = MODELS[name]
    model = kind(3, 2, latent_dim=4, target="complementary", **options).double()
    set_change_scale(model, torch.tensor([0.1, 0.5, 1.0]))
    observations, actions = torch.randn(2, 8, 3).double(), torch.randn(2, 8, 2).double()
    mask = torch.rand(2, 8) < 0.6
    prediction = model.train()(observations, actions, mask)
    belief: Any = model.initial_belief(2)
    for t in range(8):
        belief = model.observe(belief, observations[:, t], actions[:, t - 1] if t else None, mask[:, t])
        mean, variance = model.readout.decoder(belief.fast)  # type: ignore[union-attr,operator]
        torch.testing.assert_close(prediction.reconstruction[:, t], mean[:, :3])
        torch.testing.assert_close(prediction.reconstruction_variance[:, t], variance[:, :3])


@pytest.mark.parametrize("target", ["absolute", "delta", "complementary"])
def test_only_training_towards_both_targets_makes_them(target: str) -> None:
    model = MTS3(3, 2, (3,), latent_dim=4, target=target)
    sequence = torch.randn(2, 6, 3), torch.randn(2, 6, 2)
    assert (model.train()(*sequence).reconstruction is not None) == (target == "complementary")
    assert model.eval()(*sequence).reconstruction is None
