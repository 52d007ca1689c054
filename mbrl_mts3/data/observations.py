"""Raw observations, dicts or arrays: their leaves by name, and as rows of one flat array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.errors import DataError


def observation_leaves(observations: Any, prefix: str = "") -> Iterator[tuple[str, Array]]:
    """All arrays of a raw observation, in the order of their names.

    Args:
        observations: an array, or a (nested) dict or tuple of arrays.
        prefix: of the names; keys of nested dicts are joined by "/", one lone array is called "observation".
    """
    if isinstance(observations, Mapping):
        for key in sorted(observations):
            yield from observation_leaves(observations[key], f"{prefix}{key}/")
    elif isinstance(observations, tuple):
        for place, part in enumerate(observations):
            yield from observation_leaves(part, f"{prefix}{place}/")
    else:
        yield prefix.rstrip("/") or MAIN_KEY, np.asarray(observations)


def index_observation(observations: Any, index: Any) -> Any:
    """Rows of batched raw observations, arrays or (nested) dicts of such."""
    if isinstance(observations, Mapping):
        return {key: index_observation(part, index) for key, part in observations.items()}
    return observations[index]


def copy_observation(observations: Any) -> Any:
    """The same with arrays of its own: some environments hand out one array again and again."""
    if isinstance(observations, Mapping):
        return {key: copy_observation(part) for key, part in observations.items()}
    return np.array(observations)


def stack_observations(observations: Sequence[Any]) -> Any:
    """One batch of raw observations, arrays (d,) or (nested) dicts of such."""
    if isinstance(observations[0], Mapping):
        return {key: stack_observations([one[key] for one in observations]) for key in observations[0]}
    return np.stack(observations)


def main_observation(observations: Any) -> Array:
    """What describes the state, (T + 1, d): the "observation" of a dict where it has one, else all arrays side by side.

    Goals are left out where they can be: they change by jumps of their own.
    """
    leaves = dict(observation_leaves(observations))
    if MAIN_KEY in leaves:
        return leaves[MAIN_KEY].reshape(len(leaves[MAIN_KEY]), -1)
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves.values()], axis=1)


def leaf_shapes(observations: Any) -> dict[str, tuple[int, ...] | None]:
    """Shapes of one row of each array, by name."""
    return {name: leaf.shape[1:] for name, leaf in observation_leaves(observations)}


def space_shapes(space: spaces.Space[Any], prefix: str = "") -> dict[str, tuple[int, ...] | None]:
    """Shapes that a space asks of `leaf_shapes`; None where it asks for none."""
    if isinstance(space, spaces.Dict):
        parts = [(str(key), part) for key, part in space.spaces.items()]
    elif isinstance(space, spaces.Tuple):
        parts = [(str(place), part) for place, part in enumerate(space.spaces)]
    else:
        return {prefix.rstrip("/") or MAIN_KEY: space.shape}
    return {name: shape for key, part in parts for name, shape in space_shapes(part, f"{prefix}{key}/").items()}


def flat_observations(space: spaces.Space[Any], observations: Any) -> Array:
    """(rows, entries) out of an array or a (nested) dict of such, in the order of the space.

    Raises:
        DataError: a part is no Box of one dimension.
    """
    if isinstance(space, spaces.Dict):
        parts = [flat_observations(part, observations[key]) for key, part in space.spaces.items()]
        return np.concatenate(parts, axis=1)
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return np.asarray(observations)
    raise DataError(f"observations of {space} do not fit into rows: only Box of one dimension and Dict of such do")


def nested_observations(space: spaces.Space[Any], rows: Array) -> Any:
    """The inverse of `flat_observations`, in the types of the space where it is a Dict."""
    if not isinstance(space, spaces.Dict):
        return rows
    found, first = {}, 0
    for key, part in space.spaces.items():
        width = flat_size(part)
        inside = nested_observations(part, rows[:, first : first + width])
        found[key] = inside.astype(part.dtype) if isinstance(part, spaces.Box) else inside
        first += width
    return found


def flat_size(space: spaces.Space[Any]) -> int:
    """Entries of a row."""
    if isinstance(space, spaces.Dict):
        return sum(flat_size(part) for part in space.spaces.values())
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return space.shape[0]
    raise DataError(f"observations of {space} do not fit into rows: only Box of one dimension and Dict of such do")
