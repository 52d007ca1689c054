"""Episodes of offline data: as models see them, and in the raw layout of the environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mbrl_mts3.array_types import Array, BoolArray, FloatArray
from mbrl_mts3.errors import DataError, NonFiniteDataError


@dataclass(frozen=True, repr=False)
class Episode:
    """An episode of T transitions o_t, a_t -> r_t, o_{t+1}, as models see it, in physical units.

    Raises:
        DataError: the lengths do not fit.
        NonFiniteDataError: a value is NaN or infinite.
    """

    observations: FloatArray
    """(T + 1, obs)."""
    actions: FloatArray
    """(T, act)."""
    rewards: FloatArray
    """(T,)."""
    terminations: BoolArray
    """(T,): True where o_{t+1} is terminal."""
    truncations: BoolArray
    """(T,): True where the episode was cut at o_{t+1} without being terminal."""
    infos: dict[str, np.ndarray] = field(default_factory=dict)
    """Further arrays of the data set, of T + 1 or T rows."""
    episode_id: int = 0

    def __post_init__(self) -> None:
        steps = len(self.actions)
        if steps == 0:
            raise DataError(f"episode {self.episode_id} holds no step: leave it out")
        expected = {"observations": steps + 1, "rewards": steps, "terminations": steps, "truncations": steps}
        for name, length in expected.items():
            if len(getattr(self, name)) != length:
                raise DataError(
                    f"episode {self.episode_id}: {steps} actions need {length} {name}, got {len(getattr(self, name))}"
                )
        for name in ("observations", "actions", "rewards"):
            values = getattr(self, name)
            finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
            if not finite.all():
                raise NonFiniteDataError(
                    f"episode {self.episode_id}, step {int(np.argmin(finite))}: {name} hold NaN or infinity "
                    f"({int((~finite).sum())} such steps); repair or drop the episode"
                )

    def __len__(self) -> int:
        """Number of transitions."""
        return len(self.actions)

    def __repr__(self) -> str:
        sizes = f"obs={self.observations.shape[1]}, act={self.actions.shape[1]}"
        return f"Episode(id={self.episode_id}, steps={len(self)}, {sizes})"


@dataclass(frozen=True)
class RawEpisode:
    """An episode of T transitions in the raw layout of an environment's spaces, as it is stored."""

    observations: Any
    """Array of T + 1 rows, or a (nested) dict of such arrays."""
    actions: Array
    """(T, act)."""
    rewards: Array
    """(T,)."""
    terminations: Array
    """(T,) bool."""
    truncations: Array
    """(T,) bool."""
    infos: dict[str, Array] = field(default_factory=dict)
    """Arrays of T + 1 or T rows."""
    seed: int | None = None
    """Seed that the environment was reset with."""
    episode_id: int = 0
    """Number in the data set that it was read from."""

    def __post_init__(self) -> None:
        # Some recorders store them as columns.
        for name in ("rewards", "terminations", "truncations"):
            column = np.asarray(getattr(self, name))
            if column.ndim == 2 and column.shape[1] == 1:
                object.__setattr__(self, name, column[:, 0])

    def __len__(self) -> int:
        """Number of transitions."""
        return len(self.actions)


class JoinedEpisodes(tuple[Episode, ...]):
    """The episodes of several data sets, one after the other.

    Attributes:
        parts: episodes of each data set; splits divide each of them as they would divide it alone.
    """

    parts: tuple[int, ...]

    @classmethod
    def from_parts(cls, parts: Sequence[Sequence[Episode]]) -> JoinedEpisodes:
        """Join them; episodes are numbered anew."""
        every = (episode for part in parts for episode in part)
        joined = cls(replace(episode, episode_id=number) for number, episode in enumerate(every))
        joined.parts = tuple(len(part) for part in parts)
        return joined
