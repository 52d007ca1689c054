"""Large batches in pieces that stay in the processor's caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord, concatenate

BeliefT = TypeVar("BeliefT", bound=TensorRecord)
ResultT = TypeVar("ResultT", bound=TensorRecord)

STEPS_AT_ONCE = 3000
"""Steps of all rows of one piece together: hidden layers of 240 units then take 3 MB."""
ROWS_AT_LEAST = 64
"""Below this the products of single steps are too small to be fast."""


def in_chunks(
    rollout: Callable[[BeliefT, Tensor], ResultT], start: BeliefT, actions: Tensor, *, steps: int | None = None
) -> ResultT:
    """rollout(start, actions) by pieces of the batch, where that is faster: on a CPU, without gradients.

    Args:
        rollout: maps beliefs (B,) and actions (B, L, act) to a record of batch size B, element by element.
        steps: steps of one piece; None means `STEPS_AT_ONCE`.
    """
    rows = max(ROWS_AT_LEAST, (steps or STEPS_AT_ONCE) // actions.shape[1])
    if len(actions) <= rows or actions.device.type != "cpu" or torch.is_grad_enabled():
        return rollout(start, actions)
    cuts = [slice(first, first + rows) for first in range(0, len(actions), rows)]
    return concatenate([rollout(start[cut], actions[cut]) for cut in cuts])


def over_candidates(
    rollout: Callable[[BeliefT, Tensor], ResultT], start: BeliefT, actions: Tensor, *, steps: int | None = None
) -> ResultT:
    """`in_chunks` for actions (B, L, act), or (B, N, L, act) for N candidates of each belief (B,).

    Returns:
        A record of batch shape (B, ...) or (B, N, ...).
    """
    shape = tuple(actions.shape[:-2])
    if actions.ndim == 4:
        start, actions = start.repeat_interleave(shape[1]), actions.flatten(0, 1)
    return in_chunks(rollout, start, actions, steps=steps).reshape_batch(shape)
