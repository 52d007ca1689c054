"""One block of a Transformer that remembers keys and values."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Complex, Float
from torch import Tensor, nn
from torch.nn import functional

from mbrl_mts3.networks.mlp import MLP


class AttentionBlock(nn.Module):
    """Self-attention and a feed-forward network, each behind a LayerNorm (Xiong et al., arXiv 2002.04745).

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
    """Turn each pair (x_2i, x_2i+1) by its angle; as complex numbers that is one product."""
    turned = torch.view_as_complex(pairs.unflatten(-1, (-1, 2))) * phase
    return torch.view_as_real(turned).flatten(-2)
