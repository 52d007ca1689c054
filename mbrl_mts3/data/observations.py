"""Raw observations, dicts or arrays: their arrays by name, their batches, and their rows in one flat array."""

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
    """Index batched raw observations, arrays or (nested) dicts of such."""
    if isinstance(observations, Mapping):
        return {key: index_observation(part, index) for key, part in observations.items()}
    return observations[index]


def copy_observation(observations: Any) -> Any:
    """Copy a raw observation: some environments return the same array at every step."""
    if isinstance(observations, Mapping):
        return {key: copy_observation(part) for key, part in observations.items()}
    return np.array(observations)


def stack_observations(observations: Sequence[Any]) -> Any:
    """Stack raw observations, arrays (d,) or (nested) dicts of such, to one batch."""
    if isinstance(observations[0], Mapping):
        return {key: stack_observations([one[key] for one in observations]) for key in observations[0]}
    return np.stack(observations)


def main_observation(observations: Any) -> Array:
    """The main observation (T + 1, d): "observation" of a dict where it has that key, else all arrays side by side.

    Goals are left out where they can be, because they jump.
    """
    leaves = dict(observation_leaves(observations))
    if MAIN_KEY in leaves:
        return leaves[MAIN_KEY].reshape(len(leaves[MAIN_KEY]), -1)
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves.values()], axis=1)


def leaf_shapes(observations: Any) -> dict[str, tuple[int, ...] | None]:
    """Shapes of one row of each array, by name."""
    return {name: leaf.shape[1:] for name, leaf in observation_leaves(observations)}


def space_shapes(space: spaces.Space[Any], prefix: str = "") -> dict[str, tuple[int, ...] | None]:
    """The shapes that `leaf_shapes` has for observations of a space; None for spaces without a shape."""
    if isinstance(space, spaces.Dict):
        parts = [(str(key), part) for key, part in space.spaces.items()]
    elif isinstance(space, spaces.Tuple):
        parts = [(str(place), part) for place, part in enumerate(space.spaces)]
    else:
        return {prefix.rstrip("/") or MAIN_KEY: space.shape}
    return {name: shape for key, part in parts for name, shape in space_shapes(part, f"{prefix}{key}/").items()}


def flat_observations(space: spaces.Space[Any], observations: Any) -> Array:
    """Flatten raw observations, an array or a (nested) dict of such, to (rows, entries) in the order of the space.

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
    """Number of entries of an observation in `flat_observations`."""
    if isinstance(space, spaces.Dict):
        return sum(flat_size(part) for part in space.spaces.values())
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return space.shape[0]
    raise DataError(f"observations of {space} do not fit into rows: only Box of one dimension and Dict of such do")
