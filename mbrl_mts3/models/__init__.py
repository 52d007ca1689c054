"""World models with their beliefs and predictions."""

from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.probabilistic_mlp import ParticleBelief, ProbabilisticMLP
from mbrl_mts3.models.recurrent import GRU, LSTM
from mbrl_mts3.models.sequence_model import SequenceBelief, SequenceModel
from mbrl_mts3.models.state_space.belief import FastLevelBelief, HiPRSSMBelief, LevelBelief, MTS3Belief, TaskBelief
from mbrl_mts3.models.state_space.hip_rssm import HiPRSSM
from mbrl_mts3.models.state_space.mts3 import MTS3
from mbrl_mts3.models.state_space.rkn import RKN, AcRKN
from mbrl_mts3.models.transformers import AutoregressiveTransformer, MultiStepTransformer
from mbrl_mts3.models.wrappers.ensemble import MODELS, SINGLE_MODELS, Ensemble, EnsembleBelief
from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.models.wrappers.recalibration import RecalibratedBelief, RecalibratedModel, Recalibration
from mbrl_mts3.predictions import MeanPrediction, Prediction, SampledStep, Trajectories

__all__ = [
    "GRU",
    "LSTM",
    "MODELS",
    "MTS3",
    "RKN",
    "SINGLE_MODELS",
    "AcRKN",
    "AutoregressiveTransformer",
    "Ensemble",
    "EnsembleBelief",
    "FastLevelBelief",
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
