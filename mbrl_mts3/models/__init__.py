"""World models and what they predict."""

from mbrl_mts3.models.acrkn import AcRKN
from mbrl_mts3.models.hip_rssm import HiPRSSM
from mbrl_mts3.models.hip_rssm_belief import HiPRSSMBelief, TaskBelief
from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.physical_model import PhysicalModel
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.rkn import RKN
from mbrl_mts3.models.world_model import WorldModel

MODELS: dict[str, type[WorldModel]] = {
    "AcRKN": AcRKN,
    "HiPRSSM": HiPRSSM,
    "MTS3": MTS3,
    "RKN": RKN,
}
"""The models that a checkpoint may name."""

__all__ = [
    "MODELS",
    "MTS3",
    "RKN",
    "AcRKN",
    "HiPRSSM",
    "HiPRSSMBelief",
    "LevelBelief",
    "MTS3Belief",
    "MeanPrediction",
    "PhysicalModel",
    "Prediction",
    "TaskBelief",
    "Trajectories",
    "WorldModel",
]
