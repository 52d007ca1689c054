"""The contract of networks that read a sequence of tokens one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor, nn

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.tensor_record import TensorRecord

StateT = TypeVar("StateT", bound=TensorRecord)


class SequenceCore(nn.Module, ABC):
    """A causal network from tokens to features. It keeps no state of its own: states go in and come out.

    Args:
        inputs: size of a token.
        width: size of the features of one step.

    Raises:
        ConfigurationError: a size below 1.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        require_positive(width=width)
        self.inputs = inputs
        self.width = width

    def sizes(self) -> dict[str, int]:
        """The constructor's arguments beside `inputs`."""
        return {"width": self.width}

    @abstractmethod
    def initial_state(self, batch_size: int) -> TensorRecord:
        """The state before the first token."""

    @abstractmethod
    def advance(
        self, state: TensorRecord, tokens: Float[Tensor, "batch time inputs"]
    ) -> tuple[Float[Tensor, "batch time width"], TensorRecord]:
        """Read tokens: features at each of them, which know no later one, and the state after the last."""

    def settled(self, state: TensorRecord) -> TensorRecord:
        """The same state in the one shape that lets elements of different ages share a batch."""
        return state


def own_state(state: TensorRecord, kind: type[StateT]) -> StateT:
    """The state, if it is of the kind that the network works with; ShapeError else."""
    if not isinstance(state, kind):
        raise ShapeError(f"expected a state of this network (see initial_state), got {state!r}")
    return state


def require_positive(**sizes: int) -> None:
    """Raise ConfigurationError unless each size is at least 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ConfigurationError(f"{name}={size}: expected at least 1")
