"""World models and what they predict."""

from mbrl_mts3.models.acrkn import AcRKN
from mbrl_mts3.models.ensemble import Ensemble
from mbrl_mts3.models.ensemble_belief import EnsembleBelief
from mbrl_mts3.models.hip_rssm import HiPRSSM
from mbrl_mts3.models.hip_rssm_belief import HiPRSSMBelief, TaskBelief
from mbrl_mts3.models.members import MEMBERS
from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.particle_belief import ParticleBelief
from mbrl_mts3.models.physical_model import PhysicalModel
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.probabilistic_mlp import ProbabilisticMLP
from mbrl_mts3.models.rkn import RKN
from mbrl_mts3.models.world_model import WorldModel

MODELS: dict[str, type[WorldModel]] = {**MEMBERS, "Ensemble": Ensemble}
"""The models that a checkpoint may name. Single models are listed in `members.py`."""

__all__ = [
    "MEMBERS",
    "MODELS",
    "MTS3",
    "RKN",
    "AcRKN",
    "Ensemble",
    "EnsembleBelief",
    "HiPRSSM",
    "HiPRSSMBelief",
    "LevelBelief",
    "MTS3Belief",
    "MeanPrediction",
    "ParticleBelief",
    "PhysicalModel",
    "Prediction",
    "ProbabilisticMLP",
    "TaskBelief",
    "Trajectories",
    "WorldModel",
]
