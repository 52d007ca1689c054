"""The models that may be members of an ensemble: all but ensembles."""

from mbrl_mts3.models.acrkn import AcRKN
from mbrl_mts3.models.hip_rssm import HiPRSSM
from mbrl_mts3.models.mts3 import MTS3
from mbrl_mts3.models.probabilistic_mlp import ProbabilisticMLP
from mbrl_mts3.models.rkn import RKN
from mbrl_mts3.models.world_model import WorldModel

MEMBERS: dict[str, type[WorldModel]] = {
    "AcRKN": AcRKN,
    "HiPRSSM": HiPRSSM,
    "MTS3": MTS3,
    "RKN": RKN,
    "ProbabilisticMLP": ProbabilisticMLP,
}
"""Single models by name. A new model gets its line here; it is thereby one of `MODELS`, too."""
