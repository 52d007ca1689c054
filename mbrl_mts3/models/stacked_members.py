"""Many models of one kind as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.tensor_record import TensorRecord

Call = Callable[..., tuple[TensorRecord | None, TensorRecord | None]]
"""(member, inputs of its own) -> belief and result."""


class StackedMembers(nn.Module):
    """E models of one kind with parameters (E, ...), all of them run by one call through `torch.func.vmap`.

    Args:
        models: at least one, alike but for the values of their parameters. The first is kept as the skeleton that owns
            the stacked parameters and buffers; it is of no use on its own any more.
    """

    def __init__(self, models: Sequence[WorldModel]) -> None:
        super().__init__()
        parameters, buffers = stack_module_state(list(models))
        self.count = len(models)
        self.skeleton = models[0]
        for name, stacked in [*parameters.items(), *buffers.items()]:
            path, _, leaf = name.rpartition(".")
            tensor = nn.Parameter(stacked) if name in parameters else stacked
            setattr(self.skeleton.get_submodule(path), leaf, tensor)

    def run(
        self, call: Call, *own: TensorRecord | Tensor | None, dim: int = 0
    ) -> tuple[TensorRecord | None, TensorRecord | None]:
        """Let every member do `call(member, *own)`; what the call closes over is the same for all of them.

        Args:
            call: returns a belief and a result, or None for either.
            own: inputs with a dimension 1 of members. Integers and flags of records have none, see `EnsembleBelief`.
            dim: where the results get their dimension of members. Beliefs get it as inputs have it.
        """
        tensors = [tensor for value in own for tensor in _tensors(value)]
        dims = [dim for value in own for dim in _member_dims(value)]
        shapes: list[tuple[TensorRecord | None, list[bool], TensorRecord | None]] = []

        def member(state: dict[str, Tensor], *values: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
            left = iter(values)
            inputs = [_filled(value, left) for value in own]
            belief, result = functional_call(module, state, tuple(inputs))
            floating = [tensor.is_floating_point() for tensor in _tensors(belief)]
            shapes.append((belief, floating, result))
            parts = list(zip(_tensors(belief), floating, strict=True))
            return [t for t, own in parts if own], [t for t, own in parts if not own], list(_tensors(result))

        module = _Called(self.skeleton, call)
        state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        # Not `dim` of `out_dims`: what turns out to be the same for all members vmap can expand in front only.
        run = vmap(member, in_dims=(0, *dims), out_dims=(0, None, 0), randomness="different")
        own_parts, common, results = run(state, *tensors)
        belief, floating, result = shapes[0]
        split = (tensor.movedim(0, 1) for tensor in own_parts), iter(common)
        return (
            _filled(belief, iter([next(split[0] if is_own else split[1]) for is_own in floating])),
            _filled(result, (tensor.movedim(0, dim) for tensor in results)),
        )


class _Called(nn.Module):
    """`functional_call` knows modules only, and of those `forward`."""

    def __init__(self, member: WorldModel, call: Call) -> None:
        super().__init__()
        self.member = member
        self.call = call

    def forward(self, *own: TensorRecord | Tensor | None) -> tuple[TensorRecord | None, TensorRecord | None]:
        """The call."""
        return self.call(self.member, *own)


def _tensors(value: TensorRecord | Tensor | None) -> list[Tensor]:
    if value is None:
        return []
    return [value] if isinstance(value, Tensor) else value.tensors()


def _member_dims(value: TensorRecord | Tensor | None) -> Iterator[int | None]:
    for tensor in _tensors(value):
        yield 1 if isinstance(value, Tensor) or tensor.is_floating_point() else None


def _filled(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same structure around other tensors."""
    if isinstance(value, TensorRecord):
        return value.map(lambda _: next(tensors))
    return None if value is None else next(tensors)
