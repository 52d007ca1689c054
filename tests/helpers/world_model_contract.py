"""What every world model must do, as one suite: subclass it and say how to build the model."""

from __future__ import annotations

from learning_contract import LearningContract
from module_contract import ModuleContract
from prediction_contract import PredictionContract
from sampling_contract import SamplingContract
from world_model_case import ACT, OBS, SMALL_MTS3, Learning, Together, each_form, in_forms, make_forms

__all__ = [
    "ACT",
    "OBS",
    "SMALL_MTS3",
    "Learning",
    "Together",
    "WorldModelContract",
    "each_form",
    "in_forms",
    "make_forms",
]


class WorldModelContract(PredictionContract, SamplingContract, ModuleContract, LearningContract):
    """Subclasses give the fixture `make`, and override those fixtures of `WorldModelCase` that do not hold for them."""
