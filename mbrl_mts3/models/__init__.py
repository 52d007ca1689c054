"""World models and what they predict."""

from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.physical_model import PhysicalModel
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.recalibrated_belief import RecalibratedBelief
from mbrl_mts3.models.recalibrated_model import RecalibratedModel
from mbrl_mts3.models.recalibration import Recalibration
from mbrl_mts3.models.world_model import WorldModel

MODELS: dict[str, type[WorldModel]] = {"MTS3": MTS3}
"""The models that a checkpoint may name."""

__all__ = [
    "MODELS",
    "MTS3",
    "LevelBelief",
    "MTS3Belief",
    "MeanPrediction",
    "PhysicalModel",
    "Prediction",
    "RecalibratedBelief",
    "RecalibratedModel",
    "Recalibration",
    "Trajectories",
    "WorldModel",
]
