"""Selection of the observation entries that a model sees, by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array, FloatArray
from mbrl_mts3.data.episode import Episode, RawEpisode
from mbrl_mts3.data.nested import follow_path, space_leaves
from mbrl_mts3.data.observation_names import known_names, position_names
from mbrl_mts3.errors import DataError, ShapeError, UnknownObservationError, nearest_names

MAIN_KEY = "observation"


@dataclass(frozen=True)
class ObservationSelector:
    """Selected entries of a Box or (nested) Dict observation, in the order of `names`.

    Entries have the environment's own names where those are known (HalfCheetah, PointMaze, FrankaKitchen, SkidSteer),
    else "observation/0", "observation/1", ... Entries of further keys of a Dict are "achieved_goal/0" and so on; keys
    of nested Dicts are joined by "/".
    """

    names: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    """For each name the path of keys that leads to its array; () where the observation is one array."""
    indices: tuple[int, ...]
    """For each name its place in that array."""
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def from_space(
        cls, space: spaces.Space[Any], env_id: str | None = None, select: str | Sequence[str] = "all"
    ) -> ObservationSelector:
        """Choose from a Box with one dimension or from a Dict of such boxes.

        Args:
            space: raw observation space of an environment or a data set.
            env_id: environment id, for the names of entries; None where unknown.
            select: "all" (of a Dict: its "observation" entry, where it has one), "everything" (of a Dict: all of its
                entries, goals too), "positions" (where names are known), one name or a list of names; a key of a Dict,
                such as "desired_goal", names all of its entries.

        Raises:
            UnknownObservationError: a name that the space does not have.
            DataError: the space is of a kind that cannot be selected from.
        """
        entries = _entries(space, env_id)
        chosen = [entries[name] for name in _resolve(select, entries, env_id)]
        return cls(
            names=tuple(entry.name for entry in chosen),
            keys=tuple(entry.key for entry in chosen),
            indices=tuple(entry.index for entry in chosen),
            low=tuple(entry.low for entry in chosen),
            high=tuple(entry.high for entry in chosen),
        )

    @property
    def dim(self) -> int:
        """Number of selected entries."""
        return len(self.names)

    @property
    def space(self) -> spaces.Box:
        """The space of selected observations, float32."""
        return spaces.Box(np.array(self.low, np.float32), np.array(self.high, np.float32), dtype=np.float32)

    def __call__(self, raw: Any) -> FloatArray:
        """Select from a raw observation: an array (..., d) or a dict of such; returns (..., obs), float32.

        Raises:
            ShapeError: the observation does not have the layout that the selector was made for.
        """
        parts = []
        for key, run in itertools.groupby(zip(self.keys, self.indices, strict=True), key=lambda pair: pair[0]):
            indices = [index for _, index in run]
            array = _array(raw, key)
            if array.ndim == 0 or array.shape[-1] <= max(indices):
                raise ShapeError(
                    f"observation {_label(key)!r} has the shape {array.shape}; its last dimension needs at least "
                    f"{max(indices) + 1} entries: was the selector made for another environment?"
                )
            parts.append(array[..., indices])
        return np.concatenate(parts, axis=-1, dtype=np.float32)

    def left_out(self, space: spaces.Space[Any]) -> list[str]:
        """The parts of a Dict of which nothing is selected, with their kinds."""
        chosen = {_label(key) for key in self.keys}
        return [
            f"{_label(key)} ({type(part).__name__})" for key, part in space_leaves(space) if _label(key) not in chosen
        ]

    def require(self, names: Sequence[str], purpose: str) -> tuple[int, ...]:
        """Columns of `names` in a selected observation.

        Raises:
            UnknownObservationError: one is not selected; the message names the `purpose`.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise UnknownObservationError(
                f"{purpose} needs the observations {', '.join(names)}; the model does not see {', '.join(missing)} "
                f"(it sees {', '.join(self.names)}): train it with an observation selection that has them"
            )
        return tuple(self.names.index(name) for name in names)

    def to_json(self) -> dict[str, Any]:
        """The selector in types that JSON has; infinite bounds become None."""
        return {
            "names": list(self.names),
            "keys": [list(key) for key in self.keys],
            "indices": list(self.indices),
            "low": [value if np.isfinite(value) else None for value in self.low],
            "high": [value if np.isfinite(value) else None for value in self.high],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ObservationSelector:
        """The inverse of `to_json`."""
        return cls(
            names=tuple(data["names"]),
            keys=tuple(tuple(key) for key in data["keys"]),
            indices=tuple(int(index) for index in data["indices"]),
            low=tuple(-np.inf if value is None else float(value) for value in data["low"]),
            high=tuple(np.inf if value is None else float(value) for value in data["high"]),
        )


@dataclass(frozen=True)
class _Entry:
    name: str
    key: tuple[str, ...]
    index: int
    low: float
    high: float


def _entries(space: spaces.Space[Any], env_id: str | None) -> dict[str, _Entry]:
    """All entries that can be selected, by name."""
    found: dict[str, _Entry] = {}
    for key, box in space_leaves(space):
        if not isinstance(box, spaces.Box) or len(box.shape) != 1:
            continue
        main = key in ((), (MAIN_KEY,))
        names = known_names(env_id, box.shape[0]) if main else None
        for index in range(box.shape[0]):
            name = names[index] if names else f"{_label(key)}/{index}"
            found[name] = _Entry(name, key, index, float(box.low[index]), float(box.high[index]))
    if not found:
        raise DataError(f"no one-dimensional Box in the observation space {space}: nothing to select from")
    return found


def _resolve(select: str | Sequence[str], entries: Mapping[str, _Entry], env_id: str | None) -> list[str]:
    main = [entry.name for entry in entries.values() if entry.key in ((), (MAIN_KEY,))] or list(entries)
    if select == "all":
        return main
    if select == "everything":
        return list(entries)
    if select == "positions":
        if known_names(env_id, len(main)) is None:
            raise UnknownObservationError(
                f"which observations of {env_id or 'this data'} are positions is not known: name them, out of "
                f"{', '.join(entries)}"
            )
        return list(position_names(tuple(main)))
    asked = [select] if isinstance(select, str) else list(select)
    names = [name for wanted in asked for name in _under(wanted, entries)]
    if not names:
        raise UnknownObservationError(f"no observation is selected: name some of {', '.join(entries)}")
    if len(set(names)) < len(names):
        raise UnknownObservationError(f"an observation is selected twice: {', '.join(names)}")
    for name in names:
        if name not in entries:
            raise UnknownObservationError(_unknown(name, list(entries)))
    return names


def _under(name: str, entries: Mapping[str, _Entry]) -> list[str]:
    """The entries that a name selects: itself, or all under a key of that name."""
    if name in entries:
        return [name]
    inside = [other for other, entry in entries.items() if f"{_label(entry.key)}/".startswith(f"{name}/")]
    return inside or [name]


def _unknown(name: str, available: list[str]) -> str:
    nearest = nearest_names(name, available, most=3, cutoff=0.3)
    rest = [other for other in available if other not in nearest]
    return f"unknown observation {name!r}; available, nearest first: {', '.join([*nearest, *rest])}"


def _array(raw: Any, key: tuple[str, ...]) -> np.ndarray[Any, np.dtype[Any]]:
    found = follow_path(raw, key)
    if isinstance(found, Mapping):
        raise ShapeError(f"the observation is a dict with the keys {', '.join(map(str, found))}, expected one array")
    return np.asarray(found)


def _label(key: tuple[str, ...]) -> str:
    return "/".join(key) or MAIN_KEY


def select_episode(raw: RawEpisode, selector: ObservationSelector) -> Episode:
    """Select from a raw episode, as float32, with the infos that have a row for each transition or observation.

    Raises:
        NonFiniteDataError: NaN or infinity in the selected data; episode and step are named.
        DataError: lengths that do not fit, or no step.
    """
    steps = len(raw.rewards)
    return Episode(
        observations=selector(raw.observations),
        actions=np.asarray(raw.actions, np.float32),
        rewards=np.asarray(raw.rewards, np.float32).reshape(steps),
        terminations=np.asarray(raw.terminations, np.bool_).reshape(steps),
        truncations=np.asarray(raw.truncations, np.bool_).reshape(steps),
        infos=rowwise_infos(raw),
        episode_id=raw.episode_id,
    )


def rowwise_infos(raw: RawEpisode) -> dict[str, Array]:
    """The infos that have a row for each transition or each observation."""
    steps = len(raw.rewards)
    return {name: array for name, array in raw.infos.items() if len(array) in (steps, steps + 1)}
