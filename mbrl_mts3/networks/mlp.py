"""Feed-forward networks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError


class MLP(nn.Sequential):
    """Linear layers with ReLU between them, optionally LayerNorm before the last one.

    Args:
        inputs: size of the last dimension of the input.
        hidden: sizes of the hidden layers; empty for one linear layer.
        outputs: size of the last dimension of the output.
        layer_norm: normalise the last hidden layer, as the MTS3 paper does in its control network.

    Raises:
        ConfigurationError: a layer without units.
    """

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int, *, layer_norm: bool = False) -> None:
        if min(hidden, default=1) < 1:
            raise ConfigurationError(f"hidden layers of the sizes {list(hidden)}: expected at least 1 unit in each")
        layers: list[nn.Module] = []
        width = inputs
        for size in hidden:
            # In place: a linear layer needs its input for the backward pass, never its output.
            layers += [nn.Linear(width, size), nn.ReLU(inplace=True)]
            width = size
        if layer_norm:
            layers.append(nn.LayerNorm(width))
        super().__init__(*layers, nn.Linear(width, outputs))

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs), of the inputs' type whatever autocast makes of the layers."""
        # As one matrix: the result of a linear layer on more dimensions is a view, and changing that in place
        # makes autograd copy it in the backward pass.
        outputs: Tensor = super().forward(inputs.reshape(-1, inputs.shape[-1]))  # type: ignore[no-untyped-call]
        return outputs.to(inputs.dtype).view(*inputs.shape[:-1], outputs.shape[-1])
