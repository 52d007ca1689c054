"""A Transformer that predicts a whole future at once."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.models.sequence_model import SequenceModel
from mbrl_mts3.networks import CausalTransformer


class MultiStepTransformer(SequenceModel):
    """Causal Transformer with direct multi-step forecasts, as against iterated ones (Zeng et al., arXiv 2205.13504).

    Blind steps are mask tokens (Devlin et al., arXiv 1810.04805) that hold their action only. No prediction is ever
    fed back, so errors do not add up, and a future of any length is one parallel pass.

    Args:
        width: size of a token's representation.
        layers, heads: blocks, and heads of attention in each.
        feedforward: hidden units of each block's feed-forward network.
        context: steps that a layer looks back, the own one included; at most the length of the training sequences.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        *,
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 256,
        context: int = 90,
        decoder_hidden: Sequence[int] = (240,),
        variance_hidden: Sequence[int] | None = None,
        target: str = "absolute",
        predict_reward: bool = True,
        predict_termination: bool = False,
    ) -> None:
        super().__init__(
            observation_dim,
            action_dim,
            CausalTransformer(observation_dim + 1 + action_dim, width, layers, heads, feedforward, context),
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            target=target,
            predict_reward=predict_reward,
            predict_termination=predict_termination,
        )
