"""World models and what they predict."""

from mbrl_mts3.models.acrkn import AcRKN
from mbrl_mts3.models.autoregressive_transformer import AutoregressiveTransformer
from mbrl_mts3.models.ensemble import Ensemble
from mbrl_mts3.models.ensemble_belief import EnsembleBelief
from mbrl_mts3.models.gru import GRU
from mbrl_mts3.models.hip_rssm import HiPRSSM
from mbrl_mts3.models.hip_rssm_belief import HiPRSSMBelief, TaskBelief
from mbrl_mts3.models.lstm import LSTM
from mbrl_mts3.models.members import MEMBERS
from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.multi_step_transformer import MultiStepTransformer
from mbrl_mts3.models.particle_belief import ParticleBelief
from mbrl_mts3.models.physical_model import PhysicalModel
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.probabilistic_mlp import ProbabilisticMLP
from mbrl_mts3.models.recalibrated_belief import RecalibratedBelief
from mbrl_mts3.models.recalibrated_model import RecalibratedModel
from mbrl_mts3.models.recalibration import Recalibration
from mbrl_mts3.models.rkn import RKN
from mbrl_mts3.models.sampled_step import SampledStep
from mbrl_mts3.models.sequence_belief import SequenceBelief
from mbrl_mts3.models.sequence_model import SequenceModel
from mbrl_mts3.models.world_model import WorldModel

MODELS: dict[str, type[WorldModel]] = {**MEMBERS, "Ensemble": Ensemble}
"""The models that a checkpoint may name. Single models are listed in `members.py`."""

__all__ = [
    "GRU",
    "LSTM",
    "MEMBERS",
    "MODELS",
    "MTS3",
    "RKN",
    "AcRKN",
    "AutoregressiveTransformer",
    "Ensemble",
    "EnsembleBelief",
    "HiPRSSM",
    "HiPRSSMBelief",
    "LevelBelief",
    "MTS3Belief",
    "MeanPrediction",
    "MultiStepTransformer",
    "ParticleBelief",
    "PhysicalModel",
    "Prediction",
    "ProbabilisticMLP",
    "RecalibratedBelief",
    "RecalibratedModel",
    "Recalibration",
    "SampledStep",
    "SequenceBelief",
    "SequenceModel",
    "TaskBelief",
    "Trajectories",
    "WorldModel",
]
