"""Raw observations, dicts or arrays: their arrays by name, their batches, and their rows in one flat array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array, BoolArray
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.errors import DataError

FLAGS = ("terminations", "truncations")


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


def number_leaves(observations: Any) -> Iterator[tuple[str, Array]]:
    """The arrays of a raw observation that hold numbers, and no text."""
    return ((name, leaf) for name, leaf in observation_leaves(observations) if leaf.dtype.kind in "biuf")


def index_observation(observations: Any, index: Any) -> Any:
    """Index batched raw observations, arrays or (nested) dicts of such."""
    if isinstance(observations, Mapping):
        return {key: index_observation(part, index) for key, part in observations.items()}
    return observations[index]


def choose_observation(first: BoolArray, observations: Any, others: Any) -> Any:
    """Batched raw observations where `first` (B,) holds, others of the same layout elsewhere."""
    if isinstance(observations, Mapping):
        return {key: choose_observation(first, part, others[key]) for key, part in observations.items()}
    return np.where(first.reshape(-1, *(1,) * (observations.ndim - 1)), observations, others)


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
    leaves = dict(number_leaves(observations))
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


def length_faults(episode: RawEpisode) -> list[str]:
    """What is wrong with the lengths of an episode: T actions need T + 1 observations, T rewards and flags."""
    steps = len(episode)
    rows = {name: len(leaf) if leaf.ndim else 0 for name, leaf in observation_leaves(episode.observations)}
    wrong = [f"{count} rows of {name}" for name, count in rows.items() if count != steps + 1]
    for name in ("rewards", *FLAGS):
        count = np.asarray(getattr(episode, name)).size
        wrong += [f"{count} {name}"] if count != steps else []
    return wrong


def shape_faults(
    episode: RawEpisode, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> list[str]:
    """Arrays whose rows do not have the shapes of the spaces, that one of the two lacks, or that hold no numbers."""
    arrays = {**dict(observation_leaves(episode.observations)), "actions": episode.actions}
    shaped = [name for name, shape in space_shapes(observation_space).items() if shape is not None] + ["actions"]
    others = [name for name in shaped if name in arrays and arrays[name].dtype.kind not in "biuf"]
    if others:
        return [f"{name} are {arrays[name].dtype}, expected real numbers" for name in others]
    expected = space_shapes(observation_space) | {"actions": action_space.shape}
    found = leaf_shapes(episode.observations) | {"actions": episode.actions.shape[1:]}
    # Text has no shape.
    expected = {name: found.get(name) if shape is None else shape for name, shape in expected.items()}
    return [
        f"{name} have the shape {found.get(name, 'of nothing')}, the space {expected.get(name, 'has none')}"
        for name in sorted({*expected, *found})
        if found.get(name) != expected.get(name)
    ]


def flag_faults(episode: RawEpisode) -> list[str]:
    """Flags that are neither 0 nor 1: NaN and -3 would count as true."""
    faults = []
    for name in FLAGS:
        flags = np.asarray(getattr(episode, name)).reshape(-1)
        wrong = ~np.isin(flags, (0, 1))
        if wrong.any():
            faults.append(f"{name} hold {flags[wrong][0]} at step {int(np.argmax(wrong))}, expected 0 or 1")
    return faults


def check_raw_episode(
    episode: RawEpisode, observation_space: spaces.Space[Any], action_space: spaces.Space[Any], source: str
) -> None:
    """Raise DataError unless an episode has the lengths, shapes and flags that `source` needs it to have."""
    faults = length_faults(episode)
    if faults:
        steps = len(episode)
        told = f"{steps} actions need {steps + 1} observations, {steps} rewards and flags; found {', '.join(faults)}"
    else:
        faults = [*shape_faults(episode, observation_space, action_space), *flag_faults(episode)]
        told = "; ".join(faults)
    if faults:
        raise DataError(f"{source}, episode {episode.episode_id}: {told}. Write the episode again, or drop it")


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
