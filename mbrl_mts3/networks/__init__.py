"""Networks that own parameters: encoders, decoders and transitions."""

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.networks.banded_locally_linear_transition import BandedLocallyLinearTransition
from mbrl_mts3.networks.banded_transition import BandedTransition
from mbrl_mts3.networks.causal_transformer import CausalTransformer
from mbrl_mts3.networks.decoder import GaussianDecoder
from mbrl_mts3.networks.dense_transition import DenseTransition
from mbrl_mts3.networks.diagonal_transition import DiagonalTransition
from mbrl_mts3.networks.gaussian_encoder import GaussianEncoder
from mbrl_mts3.networks.gaussian_heads import GaussianHeads
from mbrl_mts3.networks.gaussian_mlp import GaussianMLP
from mbrl_mts3.networks.gru_core import GRUCore
from mbrl_mts3.networks.link import Link
from mbrl_mts3.networks.locally_linear_transition import LocallyLinearTransition
from mbrl_mts3.networks.lstm_core import LSTMCore
from mbrl_mts3.networks.mlp import MLP
from mbrl_mts3.networks.process_noise import ProcessNoise
from mbrl_mts3.networks.sequence_core import SequenceCore
from mbrl_mts3.networks.state_interaction import StateInteraction
from mbrl_mts3.networks.transition import RATE, Transition

TRANSITIONS: dict[str, type[Transition]] = {
    "dense": DenseTransition,
    "banded": BandedTransition,
    "diagonal": DiagonalTransition,
    "locally_linear": LocallyLinearTransition,
    "banded_locally_linear": BandedLocallyLinearTransition,
}


def make_transition(name: str, latent_dim: int, rate: float = RATE) -> Transition:
    """A transition by its name, see `Transition`; ConfigurationError lists the names."""
    if name not in TRANSITIONS:
        raise ConfigurationError(f"unknown transition {name!r}: choose one of {', '.join(TRANSITIONS)}")
    return TRANSITIONS[name](latent_dim, rate)


__all__ = [
    "MLP",
    "TRANSITIONS",
    "BandedLocallyLinearTransition",
    "BandedTransition",
    "CausalTransformer",
    "DenseTransition",
    "DiagonalTransition",
    "GRUCore",
    "GaussianDecoder",
    "GaussianEncoder",
    "GaussianHeads",
    "GaussianMLP",
    "LSTMCore",
    "Link",
    "LocallyLinearTransition",
    "ProcessNoise",
    "SequenceCore",
    "StateInteraction",
    "Transition",
    "make_transition",
]
