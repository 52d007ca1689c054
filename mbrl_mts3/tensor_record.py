"""Immutable records of tensors: the base class of beliefs, predictions and batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import torch
from torch import Tensor

# Not `Self`: the run-time type checker of the tests knows that only inside classes that it decorated.
RecordT = TypeVar("RecordT", bound="TensorRecord")


@dataclass(frozen=True, repr=False)
class TensorRecord:
    """A frozen dataclass whose fields are tensors, records, tuples of those, or None.

    The leading dimensions of all tensors are the record's batch dimensions. Every method returns a
    new record; none changes this one.
    """

    def map(self: RecordT, function: Callable[[Tensor], Tensor]) -> RecordT:
        """Apply `function` to every tensor."""
        return type(self)(**{f.name: _map(getattr(self, f.name), function) for f in fields(self)})

    def tensors(self) -> list[Tensor]:
        """All tensors, depth first, in the order of the fields."""
        found: list[Tensor] = []

        def keep(tensor: Tensor) -> Tensor:
            found.append(tensor)
            return tensor

        self.map(keep)
        return found

    def __getitem__(self: RecordT, index: Any) -> RecordT:
        """Index the batch dimensions of every tensor in the same way."""
        return self.map(lambda tensor: tensor[index])

    def to(self: RecordT, *args: Any, **kwargs: Any) -> RecordT:
        """Move to a device; a dtype is applied to floating point tensors only."""

        def move(tensor: Tensor) -> Tensor:
            moved = tensor.to(*args, **kwargs)
            return moved if tensor.is_floating_point() else moved.to(tensor.dtype)

        return self.map(move)

    def detach(self: RecordT) -> RecordT:
        """The same values, detached from the autograd graph."""
        return self.map(Tensor.detach)

    def repeat_interleave(self: RecordT, repeats: int) -> RecordT:
        """Repeat each element of the first batch dimension: (B, ...) -> (B * repeats, ...)."""
        return self.map(lambda tensor: tensor.repeat_interleave(repeats, dim=0))

    def reshape_batch(self: RecordT, shape: tuple[int, ...], batch_ndim: int = 1) -> RecordT:
        """Reshape the first `batch_ndim` dimensions to `shape`."""
        return self.map(lambda tensor: tensor.reshape(*shape, *tensor.shape[batch_ndim:]))

    def where(self: RecordT, condition: Tensor, other: RecordT) -> RecordT:
        """This record where `condition` (batch shape, bool) holds, `other` elsewhere."""
        mine, theirs = self.tensors(), other.tensors()
        chosen = iter([torch.where(_right_pad(condition, a.ndim), a, b) for a, b in zip(mine, theirs, strict=True)])
        return self.map(lambda _: next(chosen))

    def put(self: RecordT, index: Tensor, rows: RecordT) -> RecordT:
        """This record with `rows` at the positions `index` (k,), int64, of the first batch dimension."""
        replacements = iter(rows.tensors())
        return self.map(lambda tensor: tensor.index_copy(0, index, next(replacements)))

    def __repr__(self) -> str:
        parts = (f"{f.name}={_describe(getattr(self, f.name))}" for f in fields(self))
        return f"{type(self).__name__}({', '.join(parts)})"


def concatenate(records: list[RecordT], dim: int = 0) -> RecordT:
    """Join records of one type along a batch dimension."""
    columns = iter([torch.cat(column, dim) for column in zip(*(r.tensors() for r in records), strict=True)])
    return records[0].map(lambda _: next(columns))


def _map(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, TensorRecord):
        return value.map(function)
    if isinstance(value, tuple):
        return tuple(_map(item, function) for item in value)
    if value is None:
        return None
    raise TypeError(f"a TensorRecord holds tensors, records, tuples of those or None, not {type(value).__name__}")


def _right_pad(condition: Tensor, ndim: int) -> Tensor:
    return condition.reshape(*condition.shape, *(1 for _ in range(ndim - condition.ndim)))


def _describe(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, tuple):
        return f"({', '.join(_describe(item) for item in value)})"
    return repr(value)
