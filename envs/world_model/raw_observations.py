"""Raw observations of an environment, built from what a model imagines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from torch import Tensor

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.errors import SpaceMismatchError

Raw = Any
"""A tensor (B, d), or a dict of such, or of dicts."""


@dataclass(frozen=True)
class _Part:
    """One array of a raw observation."""

    path: tuple[str, ...]
    box: spaces.Box
    columns: tuple[int, ...] | None
    """Where its entries are in a selected observation; None where the task gives them."""


class RawObservationBuilder:
    """Puts selected observations, and what a task knows beside them, into the places of a raw observation space.

    Args:
        space: raw space of the environment.
        selector: what the model sees of it.
        given: sizes of the arrays that the task gives (`Task.raw_entries`), by their keys.

    Raises:
        SpaceMismatchError: an entry of the space is neither seen by the model nor given by the task.
    """

    def __init__(self, space: spaces.Space[Any], selector: ObservationSelector, given: Mapping[str, int]) -> None:
        self.space = space
        places = zip(selector.keys, selector.indices, strict=True)
        columns = {place: column for column, place in enumerate(places)}
        self._parts = [_part(path, box, columns, given) for path, box in _leaves(space, ())]
        self.names = frozenset("/".join(part.path) for part in self._parts)
        """Keys of the space's arrays, those of nested dicts joined by "/"."""
        self._identity = [part.columns == tuple(range(selector.dim)) for part in self._parts]

    def __call__(self, observation: Tensor, entries: Mapping[str, Tensor]) -> Raw:
        """Selected observations (B, obs) and the task's entries (B, d) as one batched raw observation of tensors."""
        arrays = {}
        for part, whole in zip(self._parts, self._identity, strict=True):
            if part.columns is None:
                arrays[part.path] = entries["/".join(part.path)]
            else:
                arrays[part.path] = observation if whole else observation[..., list(part.columns)]
        return _nest(arrays)

    def to_numpy(self, raw: Raw) -> Raw:
        """New arrays of the space's own types; what lies beyond the bounds of the space is moved to them."""
        arrays = {}
        for part in self._parts:
            values = _follow(raw, part.path).cpu().numpy().astype(part.box.dtype)
            if part.box.bounded_below.any() or part.box.bounded_above.any():
                np.clip(values, part.box.low, part.box.high, out=values)
            arrays[part.path] = values
        return _nest(arrays)


def leaves(raw: Raw) -> list[Any]:
    """The arrays of a raw observation, in the order in which Gymnasium flattens its space."""
    return [leaf for part in raw.values() for leaf in leaves(part)] if isinstance(raw, dict) else [raw]


def _leaves(space: spaces.Space[Any], path: tuple[str, ...]) -> list[tuple[tuple[str, ...], spaces.Space[Any]]]:
    if isinstance(space, spaces.Dict):
        return [leaf for name, part in space.spaces.items() for leaf in _leaves(part, (*path, str(name)))]
    return [(path, space)]


def _part(
    path: tuple[str, ...],
    box: spaces.Space[Any],
    columns: Mapping[tuple[tuple[str, ...], int], int],
    given: Mapping[str, int],
) -> _Part:
    name = "/".join(path) or "observation"
    if not isinstance(box, spaces.Box) or len(box.shape) != 1:
        raise SpaceMismatchError(
            f"the entry {name!r} of the observation space is {box}: only Boxes of one dimension fit"
        )
    wanted = [(path, index) for index in range(box.shape[0])]
    if all(place in columns for place in wanted):
        return _Part(path, box, tuple(columns[place] for place in wanted))
    if given.get(name) == box.shape[0]:
        return _Part(path, box, None)
    missing = [index for place, index in zip(wanted, range(box.shape[0]), strict=True) if place not in columns]
    raise SpaceMismatchError(
        f"the environment's observation has {name!r} with {box.shape[0]} entries, the model does not see its entries "
        f"{missing} and the task does not give them: set observation='selected' for an environment that shows what the "
        "model sees and no more, train a model that sees all of it, or take a task that knows the rest"
    )


def _nest(arrays: Mapping[tuple[str, ...], Any]) -> Raw:
    if () in arrays:
        return arrays[()]
    nested: dict[str, Any] = {}
    for path, array in arrays.items():
        inner = nested
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = array
    return nested


def _follow(raw: Raw, path: tuple[str, ...]) -> Tensor:
    for name in path:
        raw = raw[name]
    tensor: Tensor = raw
    return tensor
