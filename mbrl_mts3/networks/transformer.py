"""A causal Transformer with a key-value cache, for sequences of any length."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Complex, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.networks.mlp import MLP
from mbrl_mts3.networks.recurrent import SequenceCore, require_positive, require_state
from mbrl_mts3.tensor_record import TensorRecord


class CausalTransformer(SequenceCore):
    """Decoder-only Transformer (Vaswani et al., arXiv 1706.03762) over a sliding window, with a key-value cache.

    In each layer a step looks at itself and the `context` - 1 steps before it. Positions enter as rotations of queries
    and keys (Su et al., arXiv 2104.09864), so that only distances matter, and none is ever larger than the window:
    sequences may be longer than those of the training. The angles per step are multiples of 2 pi / (2 context), so
    positions repeat after 2 context steps and stay exact in sequences of any length.
    The last LayerNorm bounds the features.

    Args:
        inputs: size of a token.
        width: size of a token's representation and of the features.
        layers: number of blocks.
        heads: of the attention.
        feedforward: hidden units of each block's feed-forward network.
        context: steps of the window. Train on sequences at least as long, else untrained distances occur.

    Raises:
        ConfigurationError: a size below 1, or a width that the heads cannot share in pairs.
    """

    harmonics: Tensor

    def __init__(self, inputs: int, width: int, layers: int, heads: int, feedforward: int, context: int) -> None:
        super().__init__(inputs, width)
        require_positive(layers=layers, heads=heads, feedforward=feedforward, context=context)
        if width % (2 * heads):
            raise ConfigurationError(
                f"width={width} does not fit heads={heads}: each head needs an even number of entries, so take a "
                f"multiple of {2 * heads}"
            )
        self.heads = heads
        self.feedforward = feedforward
        self.context = context
        self.embedding = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(AttentionBlock(width, heads, feedforward) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.register_buffer("harmonics", _harmonics(width // heads // 2, context), persistent=False)

    def sizes(self) -> dict[str, int]:
        return {
            **super().sizes(),
            "layers": len(self.blocks),
            "heads": self.heads,
            "feedforward": self.feedforward,
            "context": self.context,
        }

    def initial_state(self, batch_size: int) -> AttentionMemory:
        empty = self.norm.weight.new_zeros(batch_size, 0, 2 * self.width)
        step = torch.zeros(batch_size, dtype=torch.int64, device=empty.device)
        return AttentionMemory((empty,) * len(self.blocks), step)

    def padded(self, state: TensorRecord) -> AttentionMemory:
        known = require_state(state, AttentionMemory)

        def filled(entries: Tensor) -> Tensor:
            missing = self.context - 1 - entries.shape[1]
            return nn.functional.pad(entries, (0, 0, missing, 0)) if missing else entries

        return AttentionMemory(tuple(filled(entries) for entries in known.keys_values), known.step)

    def advance(
        self, state: TensorRecord, tokens: Float[Tensor, "batch time inputs"]
    ) -> tuple[Float[Tensor, "batch time width"], AttentionMemory]:
        known, features = require_state(state, AttentionMemory), []
        # In pieces of the window's size, attention costs context * time, not time^2.
        for piece in tokens.split(self.context, dim=1):
            read, known = self._advance(known, piece)
            features.append(read)
        return features[0] if len(features) == 1 else torch.cat(features, dim=1), known

    def _advance(self, state: AttentionMemory, tokens: Tensor) -> tuple[Tensor, AttentionMemory]:
        length = tokens.shape[1]
        new = torch.arange(length, device=tokens.device)
        phase = self._phase(state.step[:, None] + new)
        allowed = self._allowed(state, new)
        hidden, memory = self.embedding(tokens), []
        for block, past in zip(self.blocks, state.keys_values, strict=True):
            hidden, known = block(hidden, past, phase, allowed)
            memory.append(known[:, max(0, known.shape[1] - self.context + 1) :])
        return self.norm(hidden), AttentionMemory(tuple(memory), state.step + length)

    def _phase(self, positions: Int[Tensor, "batch time"]) -> Complex[Tensor, "batch time 1 pairs"]:
        around = 2 * self.context
        turned = (positions[..., None, None] * self.harmonics) % around
        angles = turned.to(self.norm.weight.dtype) * (2 * math.pi / around)
        return torch.polar(torch.ones_like(angles), angles)

    def _allowed(self, state: AttentionMemory, new: Int[Tensor, " time"]) -> Bool[Tensor, "#batch 1 time keys"] | None:
        past, length = state.keys_values[0].shape[1], len(new)
        # A cache that is not full holds no padding, only steps that were read.
        full = past == self.context - 1 and past > 0
        if not full and (past == 0 or length == 1):
            return None
        keys = torch.arange(past + length, device=new.device)
        last = new[:, None] + past
        allowed = ((keys <= last) & (keys > last - self.context))[None]
        if full:
            allowed = allowed & (keys >= past - state.step[:, None, None])
        return allowed[:, None]


def _harmonics(pairs: int, context: int) -> Tensor:
    """Frequencies (pairs,) int64 in turns per 2 context steps: from half a turn per window to a quarter per step."""
    fastest = max(1.0, context / 2)
    return torch.logspace(0, math.log10(fastest), pairs, dtype=torch.float64).round().long()


class AttentionBlock(nn.Module):
    """Self-attention and a feed-forward network, each after a LayerNorm (Xiong et al., arXiv 2002.04745).

    Args:
        width: size of a token's representation.
        heads: of the attention; a divisor of `width`.
        feedforward: hidden units of the feed-forward network.
    """

    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.inputs = nn.Linear(width, 3 * width)
        self.outputs = nn.Linear(width, width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.feedforward = MLP(width, (feedforward,), width)

    def forward(
        self,
        tokens: Float[Tensor, "batch time width"],
        past: Float[Tensor, "batch past two_widths"],
        phase: Complex[Tensor, "batch time 1 pairs"],
        allowed: Bool[Tensor, "#batch 1 time keys"] | None,
    ) -> tuple[Float[Tensor, "batch time width"], Float[Tensor, "batch keys two_widths"]]:
        """Read `time` new steps.

        Args:
            past: keys and values of the steps before.
            phase: e^{i angle} of the new positions, for each pair of a head's entries.
            allowed: which keys, past and new, each new step may look at; None means all up to itself, with nothing in
                the past or one new step only.

        Returns:
            The new representations, and keys and values of all steps.
        """
        width = tokens.shape[-1]
        entered = self.inputs(self.attention_norm(tokens)).to(tokens.dtype)
        # Queries and keys of all heads at once.
        turned = rotate(entered[..., : 2 * width].unflatten(-1, (2 * self.heads, -1)), phase).flatten(-2)
        new = torch.cat([turned[..., width:], entered[..., 2 * width :]], dim=-1)
        known = new if past.shape[1] == 0 else torch.cat([past, new], dim=1)
        keys, values = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in known.chunk(2, dim=-1))
        read = functional.scaled_dot_product_attention(
            turned[..., :width].unflatten(-1, (self.heads, -1)).transpose(1, 2),
            keys,
            values,
            attn_mask=allowed,
            is_causal=allowed is None and tokens.shape[1] > 1,
        )
        tokens = tokens + self.outputs(read.transpose(1, 2).flatten(-2))
        return tokens + self.feedforward(self.feedforward_norm(tokens)), known


def rotate(
    pairs: Float[Tensor, "batch time heads two_pairs"], phase: Complex[Tensor, "batch time 1 pairs"]
) -> Float[Tensor, "batch time heads two_pairs"]:
    """Rotary position embedding: rotates each pair (x_2i, x_2i+1) by its angle, as one complex product."""
    turned = torch.view_as_complex(pairs.unflatten(-1, (-1, 2))) * phase
    return torch.view_as_real(turned).flatten(-2)


@dataclass(frozen=True, repr=False)
class AttentionMemory(TensorRecord):
    """Key-value cache of the latest steps of B sequences, the last step at the end.

    Where a sequence has had fewer steps than the cache holds, the first entries are padding.
    """

    keys_values: tuple[Tensor, ...]
    """By layer: (B, S, 2 * width), keys before values; keys are rotated to their positions."""
    step: Tensor
    """(B,) int64: how many tokens each sequence has read."""
