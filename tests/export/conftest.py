"""Small models in physical units whose every scale differs from 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from world_model_case import SMALL_MTS3

from mbrl_mts3.data import Normalizer
from mbrl_mts3.models import (
    GRU,
    LSTM,
    MTS3,
    RKN,
    AutoregressiveTransformer,
    Ensemble,
    HiPRSSM,
    MultiStepTransformer,
    PhysicalModel,
    ProbabilisticMLP,
    RecalibratedModel,
    Recalibration,
    WorldModel,
)
from mbrl_mts3.models.changes import set_change_scale

OBS, ACT = 3, 2
SMALL: dict[str, Any] = {**SMALL_MTS3}
DEEP: dict[str, Any] = {**SMALL, "target": "complementary", "gated": True, "heteroscedastic": True}
MODELS: dict[str, Callable[[], WorldModel]] = {
    "mts3": lambda: MTS3(OBS, ACT, (5,), **SMALL),
    "mts3_deep": lambda: MTS3(OBS, ACT, (5,), predict_termination=True, **DEEP),
    "mts3_exact": lambda: MTS3(OBS, ACT, (2, 4), shared_latent="exact", **SMALL),
    "locally_linear": lambda: MTS3(OBS, ACT, (2,), transition="locally_linear", **SMALL),
    "one_level": lambda: MTS3(OBS, ACT, (), **SMALL),
    "gru": lambda: GRU(OBS, ACT, width=8, decoder_hidden=(12,), target="complementary"),
    "transformer": lambda: AutoregressiveTransformer(OBS, ACT, width=8, heads=2, layers=1, feedforward=8, context=8),
    "probabilistic_mlp": lambda: ProbabilisticMLP(OBS, ACT, hidden=(12,)),
    "rkn": lambda: RKN(OBS, ACT, latent_dim=4, encoder_hidden=(12,), decoder_hidden=(12,)),
    "lstm": lambda: LSTM(OBS, ACT, width=8, decoder_hidden=(12,)),
    "multi_step": lambda: MultiStepTransformer(OBS, ACT, width=8, heads=2, layers=1, feedforward=8, context=8),
    "recalibrated": lambda: RecalibratedModel(
        MTS3(OBS, ACT, (5,), **SMALL), Recalibration(torch.rand(4, OBS) + 0.5, torch.rand(4) + 0.5)
    ),
    "hip_rssm": lambda: HiPRSSM(OBS, ACT, latent_dim=4),
    "ensemble": lambda: Ensemble(OBS, ACT, "MTS3", 2, {"time_scales": (5,), **SMALL}),
    "window": lambda: MTS3(OBS, ACT, (5,), aggregation="window", **SMALL),
}


def scaled_normalizer() -> Normalizer:
    return Normalizer(
        observation_mean=torch.tensor([1.0, -2.0, 0.5]),
        observation_scale=torch.tensor([0.5, 3.0, 1.5]),
        action_mean=torch.tensor([0.1, -0.2]),
        action_scale=torch.tensor([0.7, 1.3]),
        reward_mean=torch.tensor(-1.0),
        reward_scale=torch.tensor(4.0),
    )


@pytest.fixture
def physical() -> Callable[[str], PhysicalModel]:
    """A model by its name, with weights that no training has made small."""

    def make(name: str) -> PhysicalModel:
        torch.manual_seed(0)
        model = MODELS[name]().eval()
        set_change_scale(model, torch.linspace(0.1, 0.9, OBS))
        return PhysicalModel(model, scaled_normalizer())

    return make
