"""Long short-term memory, written out."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.networks.recurrent_state import RecurrentState
from mbrl_mts3.networks.sequence_core import SequenceCore, own_state
from mbrl_mts3.tensor_record import TensorRecord


class LSTMCore(SequenceCore):
    """One layer of long short-term memory (Hochreiter and Schmidhuber, 1997), in the form of `torch.nn.LSTM`.

    A loop over the steps, since `torch.nn.LSTM` knows no `torch.func.vmap`; as fast on a CPU for batches of a hundred,
    half as fast for a few dozen.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width)
        self.cell = nn.LSTMCell(inputs, width)

    def initial_state(self, batch_size: int) -> RecurrentState:
        zeros = self.cell.weight_hh.new_zeros(batch_size, self.width)
        return RecurrentState(zeros, zeros)

    def advance(
        self, state: TensorRecord, tokens: Float[Tensor, "batch time inputs"]
    ) -> tuple[Float[Tensor, "batch time width"], RecurrentState]:
        known = own_state(state, RecurrentState)
        if known.cell is None:
            raise ShapeError(f"expected a state of an LSTM (see initial_state), got {state!r}")
        # In half precision the errors of hundreds of steps would add up.
        with torch.autocast(tokens.device.type, enabled=False):
            return self._advance(known.hidden, known.cell, tokens.to(self.cell.weight_hh.dtype))

    def _advance(self, hidden: Tensor, cell: Tensor, tokens: Tensor) -> tuple[Tensor, RecurrentState]:
        weight, bias, states = self.cell.weight_hh.T, self.cell.bias_ih + self.cell.bias_hh, []
        for entered in functional.linear(tokens, self.cell.weight_ih, bias).unbind(1):
            write, keep, new, show = torch.addmm(entered, hidden, weight).chunk(4, dim=-1)
            cell = torch.addcmul(torch.sigmoid(keep) * cell, torch.sigmoid(write), torch.tanh(new))
            hidden = torch.sigmoid(show) * torch.tanh(cell)
            states.append(hidden)
        return torch.stack(states, dim=1), RecurrentState(hidden, cell)
