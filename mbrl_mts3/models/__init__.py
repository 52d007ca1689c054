"""World models and what they predict."""

from mbrl_mts3.models.autoregressive_transformer import AutoregressiveTransformer
from mbrl_mts3.models.gru import GRU
from mbrl_mts3.models.lstm import LSTM
from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.mts3_belief import LevelBelief, MTS3Belief
from mbrl_mts3.models.multi_step_transformer import MultiStepTransformer
from mbrl_mts3.models.physical_model import PhysicalModel
from mbrl_mts3.models.prediction import MeanPrediction, Prediction, Trajectories
from mbrl_mts3.models.sequence_belief import SequenceBelief
from mbrl_mts3.models.sequence_model import SequenceModel
from mbrl_mts3.models.world_model import WorldModel

MODELS: dict[str, type[WorldModel]] = {
    "GRU": GRU,
    "LSTM": LSTM,
    "MTS3": MTS3,
    "AutoregressiveTransformer": AutoregressiveTransformer,
    "MultiStepTransformer": MultiStepTransformer,
}
"""The models that a checkpoint may name."""

__all__ = [
    "GRU",
    "LSTM",
    "MODELS",
    "MTS3",
    "AutoregressiveTransformer",
    "LevelBelief",
    "MTS3Belief",
    "MeanPrediction",
    "MultiStepTransformer",
    "PhysicalModel",
    "Prediction",
    "SequenceBelief",
    "SequenceModel",
    "Trajectories",
    "WorldModel",
]
