"""Learned networks: encoders, decoders, sequence networks, and transitions of latents."""

from mbrl_mts3.networks.latent_maps import Gates, Link, ProcessNoise
from mbrl_mts3.networks.mlp import MLP, GaussianDecoder, GaussianEncoder, GaussianHeads, GaussianMLP, MLPWithLinearPath
from mbrl_mts3.networks.recurrent import GRUCore, LSTMCore, SequenceCore
from mbrl_mts3.networks.transformer import CausalTransformer
from mbrl_mts3.networks.transitions import (
    TRANSITIONS,
    Transition,
    make_transition,
)

__all__ = [
    "MLP",
    "TRANSITIONS",
    "CausalTransformer",
    "GRUCore",
    "Gates",
    "GaussianDecoder",
    "GaussianEncoder",
    "GaussianHeads",
    "GaussianMLP",
    "LSTMCore",
    "Link",
    "MLPWithLinearPath",
    "ProcessNoise",
    "SequenceCore",
    "Transition",
    "make_transition",
]
