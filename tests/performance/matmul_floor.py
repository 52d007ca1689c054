"""The matrix products of one call alone: no implementation with these shapes can be faster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mbrl_mts3.models import MTS3


@dataclass(frozen=True)
class Product:
    """`count` products (rows, inputs) @ (inputs, outputs)."""

    rows: int
    inputs: int
    outputs: int
    count: int = 1
    input_gradient: bool = True
    """Whether a backward pass needs the gradient of the left side too."""


def products(
    model: MTS3, batch: int, steps: int, *, observed: bool, variances: bool, decoded: bool = True
) -> list[Product]:
    """The products of two levels along `steps` steps; fewer without observations, variances or readout."""
    options, total = model.options, batch * steps
    n, obs, act = options.latent_dim, model.observation_dim, model.action_dim
    cells = -(-steps // options.time_scales[0])
    found = [
        *_mlp(total, act + 1, options.action_hidden[0], 4 * n),
        *_mlp(total, act, options.control_hidden[0], 2 * n),
        Product(total, 2 * n, 2 * n, 2),
        Product(batch, 2 * n, 2 * n, cells),
        Product(batch, 2 * n, 2 * n, steps),
    ]
    if observed:
        found += _mlp(total, obs, options.encoder_hidden[0], 2 * n)
        found += _mlp(total, obs + 1, options.window_hidden[0], 2 * n)
    if variances:
        found += [Product(total, 2 * n, 3 * n), Product(total, 3 * n, 3 * n)]
        found += [Product(batch, 3 * n, 3 * n, cells), Product(batch, 3 * n, 3 * n, steps)]
    if decoded:
        for inputs in (2 * n, 3 * n) if variances else (2 * n,):
            found += _mlp(total, inputs, options.decoder_hidden[0], obs + 1, first_gradient=True)
    return found


def _mlp(rows: int, inputs: int, hidden: int, outputs: int, *, first_gradient: bool = False) -> list[Product]:
    return [Product(rows, inputs, hidden, input_gradient=first_gradient), Product(rows, hidden, outputs)]


class Floor:
    """Runs the products with `torch.mm`, on tensors that the first call makes and later ones find."""

    def __init__(self, found: list[Product], device: str, *, backward: bool) -> None:
        self.found = found
        self.device = device
        self.backward = backward

    @cached_property
    def sets(self) -> list[tuple[Product, Tensor, Tensor, Tensor]]:
        """Each product with its left side, right side and the gradient of its result."""
        return [
            (
                product,
                torch.randn(product.rows, product.inputs, device=self.device),
                torch.randn(product.inputs, product.outputs, device=self.device),
                torch.randn(product.rows, product.outputs, device=self.device),
            )
            for product in self.found
        ]

    def __call__(self) -> None:
        """One pass over all products, forward and, if asked for, backward."""
        for product, left, right, gradient in self.sets:
            for _ in range(product.count):
                torch.mm(left, right)
                if self.backward:
                    self._back(product, left, right, gradient)

    def _back(self, product: Product, left: Tensor, right: Tensor, gradient: Tensor) -> None:
        torch.mm(left.T, gradient)
        if product.input_gradient:
            torch.mm(gradient, right.T)
