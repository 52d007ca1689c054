"""Base class of networks that read token sequences, and its recurrent ones: GRU and LSTM."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.memory import require_memory_for
from mbrl_mts3.tensor_record import TensorRecord

StateT = TypeVar("StateT", bound=TensorRecord)


class SequenceCore(nn.Module, ABC):
    """Base class of causal networks from tokens to features. States are arguments and results, never kept inside.

    Args:
        inputs: size of a token.
        width: size of the features of one step.

    Raises:
        ConfigurationError: a size below 1.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        require_positive(width=width)
        require_memory_for(width * (inputs + width), f"a network of width={width}")
        self.inputs = inputs
        self.width = width

    def sizes(self) -> dict[str, int]:
        """The constructor's arguments other than `inputs`."""
        return {"width": self.width}

    @abstractmethod
    def initial_state(self, batch_size: int) -> TensorRecord:
        """The state before the first token."""

    @abstractmethod
    def advance(
        self, state: TensorRecord, tokens: Float[Tensor, "batch time inputs"]
    ) -> tuple[Float[Tensor, "batch time width"], TensorRecord]:
        """Read tokens: features at each token, which depend on no later one, and the state after the last."""

    def padded(self, state: TensorRecord) -> TensorRecord:
        """The state in a fixed shape, so that sequences of different lengths can share a batch."""
        return state


def require_state(state: TensorRecord, kind: type[StateT]) -> StateT:
    """Return the state if it is of the type that the network needs; raise ShapeError otherwise."""
    if not isinstance(state, kind):
        raise ShapeError(f"expected a state of this network (see initial_state), got {state!r}")
    return state


def require_positive(**sizes: int) -> None:
    """Raise ConfigurationError unless each size is at least 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ConfigurationError(f"{name}={size}: expected at least 1")


@dataclass(frozen=True, repr=False)
class RecurrentState(TensorRecord):
    """The state of B sequences, d units each."""

    hidden: Tensor
    """(B, d): hidden state, which is the output."""
    cell: Tensor | None = None
    """(B, d): cell state of an LSTM; None for a GRU."""


class GRUCore(SequenceCore):
    """One layer of gated recurrent units (Cho et al., arXiv 1406.1078), with the equations of `torch.nn.GRU`.

    A loop over the steps, since `torch.nn.GRU` does not support `torch.func.vmap`. On a CPU it is as fast: the products
    with the tokens are computed before the loop.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__(inputs, width)
        self.cell = nn.GRUCell(inputs, width)

    def initial_state(self, batch_size: int) -> RecurrentState:
        return RecurrentState(self.cell.weight_hh.new_zeros(batch_size, self.width))

    def advance(
        self, state: TensorRecord, tokens: Float[Tensor, "batch time inputs"]
    ) -> tuple[Float[Tensor, "batch time width"], RecurrentState]:
        known = require_state(state, RecurrentState)
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


class LSTMCore(SequenceCore):
    """One layer of long short-term memory (Hochreiter and Schmidhuber, 1997), with the equations of `torch.nn.LSTM`.

    A loop over the steps, since `torch.nn.LSTM` does not support `torch.func.vmap`; as fast on a CPU for batches of a
    hundred, half as fast for a few dozen.
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
        known = require_state(state, RecurrentState)
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
