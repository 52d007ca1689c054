"""Large batches in chunks that fit the processor's caches, and tests of the flags of a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord, concatenate

BeliefT = TypeVar("BeliefT", bound=TensorRecord)
ResultT = TypeVar("ResultT", bound=TensorRecord)

STEPS_AT_ONCE = 6000
"""Steps of a chunk, summed over its rows: hidden layers of 240 units then take 6 MB."""
SEQUENCE_STEPS_AT_ONCE = 7000
"""Steps of a segment, summed over its rows, with gradients: every layer's results are kept and read again."""
ROWS_AT_LEAST = 64
"""Rows of a chunk at least: with fewer, the products of single steps are too small to be fast."""


def in_chunks(
    rollout: Callable[[BeliefT, Tensor], ResultT], start: BeliefT, actions: Tensor, *, steps: int | None = None
) -> ResultT:
    """Run rollout(start, actions) in chunks of the batch where that is faster: on a CPU, without gradients.

    Args:
        rollout: maps beliefs (B,) and actions (B, L, act) to a record of batch size B, element by element.
        steps: steps of one chunk, summed over its rows; None means `STEPS_AT_ONCE`.
    """
    rows = max(ROWS_AT_LEAST, (steps or STEPS_AT_ONCE) // actions.shape[1])
    if len(actions) <= rows or actions.device.type != "cpu" or torch.is_grad_enabled():
        return rollout(start, actions)
    cuts = [slice(first, first + rows) for first in range(0, len(actions), rows)]
    return concatenate([rollout(start[cut], actions[cut]) for cut in cuts])


def segment_ends(rows: int, length: int, period: int, offset: int) -> list[int]:
    """Where to cut a sequence, so that each segment of all rows fits the caches of a CPU; the last cut is its end.

    Cuts lie at the ends of cells, where all variants of a model may be cut.

    Args:
        rows: of the batch.
        length: steps of the sequence.
        period: steps per cell.
        offset: phase of the first step in its cell.
    """
    cells = max(1, SEQUENCE_STEPS_AT_ONCE // (rows * period))
    first = cells * period - offset
    return [*range(first, length, cells * period), length]


def over_candidates(rollout: Callable[[BeliefT, Tensor], ResultT], start: BeliefT, actions: Tensor) -> ResultT:
    """`in_chunks` for actions (B, L, act), or (B, N, L, act) for N candidates of each belief; the result likewise.

    Beliefs are repeated chunk by chunk: those of all candidates at once could fill the memory.
    """
    if actions.ndim == 3:
        return in_chunks(rollout, start, actions)
    shape = actions.shape[:2]
    rows = _Rows(torch.arange(shape[0], device=actions.device).repeat_interleave(shape[1]))
    results = in_chunks(lambda chunk, plans: rollout(start[chunk.index], plans), rows, actions.flatten(0, 1))
    return results.reshape_batch(tuple(shape))


@dataclass(frozen=True, repr=False)
class _Rows(TensorRecord):
    index: Tensor


def all_true(flags: Tensor) -> bool:
    """Whether all of `flags` (bool) are True, over all members where an `Ensemble` runs many at once.

    Inside `torch.func.vmap`, `bool(flags.all())` fails, because each member has a result of its own. For models with a
    faster path where everything is observed.
    """
    return bool(_AllTrue.apply(flags))  # type: ignore[no-untyped-call]


class _AllTrue(torch.autograd.Function):
    """Only in the `vmap` of an autograd function are the tensors of all members at hand."""

    @staticmethod
    def forward(flags: Tensor) -> Tensor:
        return flags.all()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None], flags: Tensor) -> tuple[Tensor, None]:
        return flags.all(), None
