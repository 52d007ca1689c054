"""Nested dicts of arrays, as observations of Dict spaces are: their leaves, and the paths of keys that lead there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from gymnasium import spaces

from mbrl_mts3.errors import ShapeError

KeyPath: TypeAlias = tuple[str, ...]
"""Keys from the outermost dict to an array; () where the observation is one array."""


def space_leaves(space: spaces.Space[Any], path: KeyPath = ()) -> list[tuple[KeyPath, spaces.Space[Any]]]:
    """The spaces inside of nested Dicts, with their paths; a space of another kind is its own leaf."""
    if isinstance(space, spaces.Dict):
        return [leaf for name, part in space.spaces.items() for leaf in space_leaves(part, (*path, str(name)))]
    return [(path, space)]


def list_leaves(observation: Any) -> list[Any]:
    """The arrays or tensors of an observation, in the order of its keys."""
    if isinstance(observation, Mapping):
        return [leaf for part in observation.values() for leaf in list_leaves(part)]
    return [observation]


def follow_path(observation: Any, path: KeyPath) -> Any:
    """What lies at the end of a path.

    Raises:
        ShapeError: the path leads nowhere.
    """
    found = observation
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            keys = ", ".join(map(str, found)) if isinstance(found, Mapping) else ""
            has = f"the keys {keys}" if keys else f"a {type(found).__name__}"
            raise ShapeError(f"the observation needs the entry {'/'.join(path)!r}, it has {has}")
        found = found[name]
    return found


def nest_leaves(leaves: Mapping[KeyPath, Any]) -> Any:
    """The observation with these leaves; the inverse of `follow_path` for each of them."""
    if () in leaves:
        return leaves[()]
    nested: dict[str, Any] = {}
    for path, leaf in leaves.items():
        inner = nested
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = leaf
    return nested
