"""Builds raw observations of an environment from imagined ones."""

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
"""A tensor (B, d), or a (nested) dict of such tensors."""


@dataclass(frozen=True)
class _Part:
    """Description of one array of a raw observation."""

    path: tuple[str, ...]
    box: spaces.Box
    columns: tuple[int, ...] | None
    """Columns of its entries in a selected observation; None where the task gives them."""


class RawObservationBuilder:
    """Builds raw observations from selected ones and from the entries that a task gives.

    Args:
        space: raw space of the environment.
        selector: the entries that the model observes.
        given: sizes of the arrays that the task gives (`Task.raw_entries`), by their keys.

    Raises:
        SpaceMismatchError: an entry of the space is neither observed by the model nor given by the task.
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
        """Raw observation of tensors from selected observations (B, obs) and the task's entries (B, d)."""
        arrays = {}
        for part, whole in zip(self._parts, self._identity, strict=True):
            if part.columns is None:
                arrays[part.path] = entries["/".join(part.path)]
            else:
                arrays[part.path] = observation if whole else observation[..., list(part.columns)]
        return _nest(arrays)

    def to_numpy(self, raw: Raw) -> Raw:
        """Convert to new arrays of the space's types, clipped to its bounds."""
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
        f"the environment's observation has {name!r} with {box.shape[0]} entries; the model does not observe entries "
        f"{missing} of it and the task does not give them: set observation='selected' for an environment that returns "
        "what the model observes, train a model that observes all of it, or choose a task that gives the rest"
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
