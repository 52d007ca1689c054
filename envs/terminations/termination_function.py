"""Whether an episode ends."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class TerminationFunction(Protocol):
    """Whether an episode terminates at an observation, in physical units.

    Observations hold the entries that the model sees, in the order of its selector. Where the function was made for B
    environments (with a goal for each, say), the first of the leading dimensions has the size B.
    """

    def __call__(self, next_observation: Tensor) -> Tensor:
        """(..., obs) -> (...), bool."""
        ...
