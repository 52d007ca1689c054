"""Gated recurrent units, written out."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mbrl_mts3.networks.recurrent_state import RecurrentState
from mbrl_mts3.networks.sequence_core import SequenceCore, own_state
from mbrl_mts3.tensor_record import TensorRecord


class GRUCore(SequenceCore):
    """One layer of gated recurrent units (Cho et al., arXiv 1406.1078), in the form of `torch.nn.GRU`.

    A loop over the steps, since `torch.nn.GRU` knows no `torch.func.vmap`. On a CPU it is as fast: the products with
    the tokens are taken out of the loop.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width)
        self.cell = nn.GRUCell(inputs, width)

    def initial_state(self, batch_size: int) -> RecurrentState:
        return RecurrentState(self.cell.weight_hh.new_zeros(batch_size, self.width))

    def advance(
        self, state: TensorRecord, tokens: Float[Tensor, "batch time inputs"]
    ) -> tuple[Float[Tensor, "batch time width"], RecurrentState]:
        known = own_state(state, RecurrentState)
        # In half precision the errors of hundreds of steps would add up.
        with torch.autocast(tokens.device.type, enabled=False):
            return self._advance(known.hidden, tokens.to(self.cell.weight_hh.dtype))

    def _advance(self, hidden: Tensor, tokens: Tensor) -> tuple[Tensor, RecurrentState]:
        weight, bias, gates = self.cell.weight_hh.T, self.cell.bias_hh, [2 * self.width, self.width]
        states = []
        for entered in functional.linear(tokens, self.cell.weight_ih, self.cell.bias_ih).unbind(1):
            (entered_gates, entered_new), (kept_gates, kept_new) = (
                part.split(gates, dim=-1) for part in (entered, torch.addmm(bias, hidden, weight))
            )
            reset, update = torch.sigmoid(entered_gates + kept_gates).chunk(2, dim=-1)
            new = torch.tanh(torch.addcmul(entered_new, reset, kept_new))
            hidden = torch.lerp(new, hidden, update)
            states.append(hidden)
        return torch.stack(states, dim=1), RecurrentState(hidden)
