"""The models that may be members of an ensemble: all but ensembles."""

from mbrl_mts3.models.acrkn import AcRKN
from mbrl_mts3.models.autoregressive_transformer import AutoregressiveTransformer
from mbrl_mts3.models.gru import GRU
from mbrl_mts3.models.hip_rssm import HiPRSSM
from mbrl_mts3.models.lstm import LSTM
from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.multi_step_transformer import MultiStepTransformer
from mbrl_mts3.models.probabilistic_mlp import ProbabilisticMLP
from mbrl_mts3.models.rkn import RKN
from mbrl_mts3.models.world_model import WorldModel

MEMBERS: dict[str, type[WorldModel]] = {
    "AcRKN": AcRKN,
    "AutoregressiveTransformer": AutoregressiveTransformer,
    "GRU": GRU,
    "HiPRSSM": HiPRSSM,
    "LSTM": LSTM,
    "MTS3": MTS3,
    "MultiStepTransformer": MultiStepTransformer,
    "RKN": RKN,
    "ProbabilisticMLP": ProbabilisticMLP,
}
"""Single models by name. A new model gets its line here; it is thereby one of `MODELS`, too."""
