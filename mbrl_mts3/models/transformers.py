"""Transformers as world models: autoregressive, and with direct multi-step predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mbrl_mts3.models.sequence_model import SequenceBelief, SequenceModel, Tokens, token_size
from mbrl_mts3.networks import CausalTransformer
from mbrl_mts3.tensor_record import TensorRecord


class _TransformerModel(SequenceModel):
    """A causal Transformer as the network of a sequence model.

    Args of the base:
        width: size of a token's representation.
        layers: blocks.
        heads: heads of attention in each block.
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
            CausalTransformer(
                token_size(observation_dim, action_dim, target), width, layers, heads, feedforward, context
            ),
            decoder_hidden=decoder_hidden,
            variance_hidden=variance_hidden,
            target=target,
            predict_reward=predict_reward,
            predict_termination=predict_termination,
        )


class AutoregressiveTransformer(_TransformerModel):
    """Causal Transformer (Vaswani et al., 2017, arXiv 1706.03762) that feeds its own predictions back.

    Where nothing was observed, the predicted mean replaces the observation, and the flag is 0. Such steps run one by
    one over cached keys and values; a sequence without a mask is one parallel pass.
    """

    def _read(self, start: SequenceBelief, tokens: Tokens, *, open_loop: bool) -> tuple[Tensor, TensorRecord]:
        if tokens.shown is None or tokens.actions.shape[1] == 1:
            return self.core.advance(start.state, tokens.join())
        if open_loop or not torch.is_grad_enabled():
            _, features, end = self._feed_back(start, tokens)
            return features, end
        # In training the values that are fed back are constants, as in scheduled sampling (arXiv 1506.03099): two
        # thirds of the time, and no worse a model. Imagination, which planners and policies differentiate, is exact.
        with torch.no_grad():
            fed, _, _ = self._feed_back(start, tokens)
        return self.core.advance(start.state, replace(tokens, values=fed).join())

    def _feed_back(self, start: SequenceBelief, tokens: Tokens) -> tuple[Tensor, Tensor, TensorRecord]:
        """Step by step: the values that were read (B, T, obs), features (B, T, width), the state at the end."""
        state = start.state
        read: list[Tensor] = []
        features: list[Tensor] = []
        for t in range(tokens.actions.shape[1]):
            token = tokens[:, t : t + 1]
            if features and token.shown is not None:
                outputs, changes = self._split(self.heads.mean(features[-1]))
                mean = self._means(outputs, changes, read[-1], torch.zeros_like(token.shown))
                token = replace(token, values=torch.where(token.shown.unsqueeze(-1), token.values, mean))
            feature, state = self.core.advance(state, token.join())
            read.append(token.values)
            features.append(feature)
        return torch.cat(read, dim=1), torch.cat(features, dim=1), state


class MultiStepTransformer(_TransformerModel):
    """Causal Transformer with direct multi-step forecasts, as against iterated ones (Zeng et al., arXiv 2205.13504).

    Open-loop steps are mask tokens (Devlin et al., arXiv 1810.04805) that hold their action only. No prediction is ever
    fed back, so errors do not add up, and a future of any length is one parallel pass.
    """
