"""Ensemble members with stacked parameters, run by torch.func.vmap."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.tensor_record import TensorRecord

# PyTorch runs attention member by member, and warns of it; written out in batched products it is slower.
warnings.filterwarnings("ignore", message="There is a performance drop because we have not yet implemented")

Call = Callable[..., tuple[TensorRecord | None, TensorRecord | None]]
"""(member, inputs of its own) -> belief and result."""


class StackedModels(nn.Module):
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

    def run(self, call: Call, *own: TensorRecord | Tensor | None, dim: int = 0) -> tuple[Any, Any]:
        """Run `call(member, *own)` for every member; what the call closes over is the same for all of them.

        Args:
            call: returns a belief and a result, or None for either.
            own: inputs whose dimension 1 is that of members. Integers and flags of records have none, see
                `EnsembleBelief`.
            dim: where the results get their dimension of members. Beliefs get it as inputs have it.
        """
        module, found = _Called(self.skeleton, call), _Found()

        def member(state: dict[str, Tensor], *values: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
            left = iter(values)
            found.belief, found.result = functional_call(module, state, tuple(_filled(value, left) for value in own))
            known = _tensors(found.belief)
            differing, common = ([t for t in known if _differs(t) == wanted] for wanted in (True, False))
            return differing, common, _tensors(found.result)

        state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        tensors = [tensor for value in own for tensor in _tensors(value)]
        in_dims = [
            1 if isinstance(value, Tensor) or _differs(tensor) else None for value in own for tensor in _tensors(value)
        ]
        # Not `dim` in `out_dims`: what turns out to be the same for all members vmap can expand in front only.
        out_dims: Any = (0, None, 0)
        run = vmap(member, in_dims=(0, *in_dims), out_dims=out_dims, randomness="different")
        differing, common, results = run(state, *tensors)
        own_parts, shared = (tensor.movedim(0, 1) for tensor in differing), iter(common)
        known = [next(own_parts if _differs(tensor) else shared) for tensor in _tensors(found.belief)]
        return _filled(found.belief, iter(known)), _filled(found.result, (t.movedim(0, dim) for t in results))


class _Called(nn.Module):
    """A module whose `forward` is a call of a member, since `functional_call` runs only that."""

    def __init__(self, member: WorldModel, call: Call) -> None:
        super().__init__()
        self.member = member
        self.call = call

    def forward(self, *own: TensorRecord | Tensor | None) -> tuple[TensorRecord | None, TensorRecord | None]:
        """Run the call."""
        return self.call(self.member, *own)


@dataclass
class _Found:
    """The results of a call; of their tensors only shapes and types are valid after vmap."""

    belief: TensorRecord | None = None
    result: TensorRecord | None = None


def _tensors(value: TensorRecord | Tensor | None) -> list[Tensor]:
    if value is None:
        return []
    return [value] if isinstance(value, Tensor) else value.tensors()


def _differs(tensor: Tensor) -> bool:
    """Whether a belief's tensor differs between members."""
    return tensor.is_floating_point()


def _filled(value: Any, tensors: Iterator[Tensor]) -> Any:
    """The same structure with other tensors."""
    if isinstance(value, TensorRecord):
        return value.map(lambda _: next(tensors))
    return None if value is None else next(tensors)
