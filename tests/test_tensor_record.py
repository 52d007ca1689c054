"""Records of tensors: immutable, indexed, expanded, moved."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass

import pytest
import torch
from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord, concatenate


@dataclass(frozen=True, repr=False)
class Inner(TensorRecord):
    value: Tensor


@dataclass(frozen=True, repr=False)
class Outer(TensorRecord):
    weights: Tensor
    parts: tuple[Inner, ...]
    count: Tensor
    nothing: Tensor | None = None


@pytest.fixture
def record() -> Outer:
    return Outer(torch.randn(3, 2), (Inner(torch.randn(3)), Inner(torch.randn(3, 4))), torch.arange(3))


def same(first: TensorRecord, second: TensorRecord) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.tensors(), second.tensors(), strict=True))


def test_fields_cannot_be_set(record):
    with pytest.raises(FrozenInstanceError):
        record.weights = torch.zeros(3, 2)


def test_indexing_expanding_and_joining_reach_every_tensor(record):
    assert record[1].parts[1].value.shape == (4,)
    assert record[torch.tensor([2, 0])].count.tolist() == [2, 0]
    assert record.repeat_interleave(2).count.tolist() == [0, 0, 1, 1, 2, 2]
    assert record.repeat_interleave(2).reshape_batch((3, 2)).parts[1].value.shape == (3, 2, 4)
    assert same(concatenate([record[:1], record[1:]]), record)
    assert record[:2].nothing is None


def test_where_chooses_by_batch_element(record):
    other = record.map(lambda tensor: tensor + 1)
    chosen = record.where(torch.tensor([True, False, True]), other)
    assert same(chosen[::2], record[::2])
    assert same(chosen[1], other[1])


def test_moving_changes_the_dtype_of_floats_only(record):
    moved = record.to(torch.float64)
    assert moved.parts[0].value.dtype == torch.float64
    assert moved.count.dtype == torch.int64
    assert record.to("meta").parts[1].value.device.type == "meta"


def test_detaching_cuts_gradients(record):
    record.weights.requires_grad_()
    assert not record.detach().weights.requires_grad


def test_the_repr_shows_shapes(record):
    assert repr(record) == (
        "Outer(weights=float32[3, 2], parts=(Inner(value=float32[3]), Inner(value=float32[3, 4])), "
        "count=int64[3], nothing=None)"
    )


def test_other_values_are_refused():
    with pytest.raises(TypeError, match="not str"):
        Inner("text").tensors()


def test_rows_are_put_in_their_places_and_the_record_stays_as_it_was(record):
    before = record.map(Tensor.clone)
    rows = record.map(lambda tensor: torch.full_like(tensor[:2], 7))
    changed = record.put(torch.tensor([2, 0]), rows)
    assert changed.count.tolist() == [7, 1, 7]
    assert (changed.parts[1].value[[0, 2]] == 7).all()
    assert same(changed[1], before[1])
    assert same(record, before)
