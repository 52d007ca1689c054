"""The arrays inside a raw observation, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.observation_selector import MAIN_KEY

Array = np.ndarray[Any, np.dtype[Any]]


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
