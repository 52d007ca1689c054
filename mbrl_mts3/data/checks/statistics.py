"""Statistics of a data set, gathered in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.dataset import StreamedDataset, add_to_digest, episode_hash, new_digest
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.normalizer import RunningMoments
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observations import main_observation, number_leaves, observation_leaves, shape_faults
from mbrl_mts3.errors import DataError

# Share of the one-step changes that lie below the typical largest one.
_LARGE_CHANGE = 0.99
# Changes at each end of an episode that do not count for it.
_ENDS = 2
# An action this close to a bound, relative to the range, lies on it.
_AT_BOUND = 1e-3


@dataclass(frozen=True, repr=False)
class DatasetStatistics:
    """Statistics of a whole data set, from which checks and data cards are made; small, whatever its size.

    Statistics leave out episodes whose arrays do not have the shapes of the spaces.
    """

    dataset: StreamedDataset
    content_hash: str
    """Equal to `OfflineDataset.content_hash`."""
    episode_ids: Array
    """(E,)."""
    lengths: Array
    """(E,) transitions."""
    returns: Array
    """(E,) sums of rewards; NaN where a reward is."""
    terminated: Array
    """(E,) bool, of the last step."""
    truncated: Array
    """(E,) bool, of the last step."""
    hashes: tuple[str, ...]
    """Of each episode's content."""
    observations: Mapping[str, RunningMoments]
    """By the name of the array, see `observation_leaves`."""
    actions: RunningMoments
    rewards: RunningMoments
    reward_values: Array
    """(n,) a sample of the rewards."""
    starts: RunningMoments
    """Of the first main observation of each episode, (obs,)."""
    large_change: Array
    """(k,): 99% of the `velocity_residuals` of the main observation are smaller."""
    saturation: Array
    """(act,): share of the actions that lie on a bound of the action space."""
    dtypes: Mapping[str, tuple[str, ...]]
    """Types that occur, by the name of the array."""

    @property
    def total_steps(self) -> int:
        """Transitions that were read."""
        return int(self.lengths.sum())


def compute_statistics(dataset: StreamedDataset) -> DatasetStatistics:
    """Compute the statistics of a data set in one pass over it.

    Raises:
        DataError: a damaged file.
    """
    digest, hashes = new_digest(), []
    facts: list[tuple[int, int, float, bool, bool]] = []
    observations: dict[str, RunningMoments] = defaultdict(RunningMoments)
    actions, rewards, starts = RunningMoments(), RunningMoments(), RunningMoments()
    values, changes = StreamSubsample(), StreamSubsample()
    saturated, dtypes = _Saturation(dataset.action_space), defaultdict(set)
    for episode in dataset.read():
        if episode.actions.ndim == 0:
            raise DataError(
                f"{dataset.dataset_id}, episode {episode.episode_id}: actions of {dataset.action_space} are no array: "
                "only those of a Box can be read"
            )
        add_to_digest(digest, episode)
        hashes.append(episode_hash(episode))
        facts.append(_facts(episode))
        for name, array in (*observation_leaves(episode.observations), *_columns(episode)):
            dtypes[name].add(str(array.dtype))
        if not _fits(episode, dataset):
            continue
        for name, leaf in number_leaves(episode.observations):
            observations[name].add(leaf)
        actions.add(episode.actions)
        rewards.add(episode.rewards.reshape(-1))
        values.add(episode.rewards.reshape(-1))
        state = main_observation(episode.observations)
        starts.add(state[:1])
        changes.add(_inner(velocity_residuals(state, dataset.env_id)))
        saturated.add(episode.actions)
    ids, lengths, returns, terminated, truncated = zip(*facts, strict=True) if facts else [()] * 5
    return DatasetStatistics(
        dataset=dataset,
        content_hash=digest.hexdigest(),
        episode_ids=np.array(ids, np.int64),
        lengths=np.array(lengths, np.int64),
        returns=np.array(returns, np.float64),
        terminated=np.array(terminated, np.bool_),
        truncated=np.array(truncated, np.bool_),
        hashes=tuple(hashes),
        observations=dict(observations),
        actions=actions,
        rewards=rewards,
        reward_values=values.rows,
        starts=starts,
        large_change=_quantile(changes.rows),
        saturation=saturated.share,
        dtypes={name: tuple(sorted(found)) for name, found in dtypes.items()},
    )


def _fits(episode: RawEpisode, dataset: StreamedDataset) -> bool:
    """Whether an episode has the shapes of the spaces; `check_layout` reports one that has not."""
    rows = {len(leaf) for _, leaf in observation_leaves(episode.observations) if leaf.ndim}
    return (
        len(episode) > 0
        and len(rows) == 1
        and not shape_faults(episode, dataset.observation_space, dataset.action_space)
    )


def _columns(episode: RawEpisode) -> list[tuple[str, Array]]:
    return [(name, getattr(episode, name)) for name in ("actions", "rewards", "terminations", "truncations")]


def _facts(episode: RawEpisode) -> tuple[int, int, float, bool, bool]:
    ended = bool(episode.terminations.reshape(-1)[-1:].any())
    cut = bool(episode.truncations.reshape(-1)[-1:].any())
    return episode.episode_id, len(episode), float(np.asarray(episode.rewards, np.float64).sum()), ended, cut


def _inner(changes: Array) -> Array:
    """Changes without those at the ends of an episode, where a boundary that is off by a few rows would show."""
    return changes[_ENDS:-_ENDS] if len(changes) > 4 * _ENDS else changes


def _quantile(changes: Array) -> Array:
    finite = changes[np.isfinite(changes).all(axis=1)] if changes.ndim == 2 else changes[:0]
    if len(finite) == 0:
        return np.zeros(changes.shape[1:])
    result: Array = np.quantile(finite, _LARGE_CHANGE, axis=0)
    return result


class _Saturation:
    """Counts the actions that lie on a bound of the action space."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._box = space if isinstance(space, spaces.Box) and space.is_bounded() else None
        self._steps = 0
        self._hits: Array = np.zeros(() if self._box is None else self._box.shape)

    def add(self, actions: Array) -> None:
        if self._box is None:
            return
        margin = _AT_BOUND * (self._box.high - self._box.low)
        self._hits = self._hits + ((actions <= self._box.low + margin) | (actions >= self._box.high - margin)).sum(0)
        self._steps += len(actions)

    @property
    def share(self) -> Array:
        result: Array = np.atleast_1d(self._hits / max(self._steps, 1))
        return result


class StreamSubsample:
    """Every k-th row of a stream; k doubles when more than `capacity` rows are kept.

    Args:
        capacity: rows kept at most, at least 2.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        self._capacity = capacity
        self._every = 1
        self._seen = 0
        self._kept: list[Array] = []
        self._count = 0

    def add(self, rows: Array) -> None:
        """Add the next rows (N, ...) of the stream."""
        first = -self._seen % self._every
        self._seen += len(rows)
        chosen = np.array(rows[first :: self._every])
        if len(chosen):
            self._kept.append(chosen)
            self._count += len(chosen)
        while self._count > self._capacity:
            self._every *= 2
            self._kept = [np.concatenate(self._kept)[::2]]
            self._count = len(self._kept[0])

    @property
    def rows(self) -> Array:
        """The rows kept so far (n, ...), in the order of the stream; (0,) where there were none."""
        return np.concatenate(self._kept) if self._kept else np.zeros(0)


def velocity_residuals(observations: Array, env_id: str | None) -> Array:
    """How far each step moves, (T, k), minus the part that the velocities explain.

    Where the entries are known (HalfCheetah, PointMaze, FrankaKitchen), k positions with a velocity are looked at:
    |q' - q - dt (v + v') / 2|, the trapezoidal rule, with dt as the data shows it. Else all entries, |o' - o|.

    Args:
        observations: (T + 1, obs).
        env_id: for the names of the entries.
    """
    observations = observations.astype(np.float64)
    positions, velocities = _pairs(known_names(env_id, observations.shape[1]) or ())
    if not positions:
        return np.abs(np.diff(observations, axis=0))
    moved = np.diff(observations[:, positions], axis=0)
    speed = (observations[1:, velocities] + observations[:-1, velocities]) / 2
    return np.abs(moved - _time_step(moved, speed) * speed)


def _pairs(names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Columns of the positions that have a velocity, and of these velocities."""
    places = {name: place for place, name in enumerate(names)}
    found = [
        (place, places[rate]) for name, place in places.items() for rate in (f"v_{name}", f"v{name}") if rate in places
    ]
    return [position for position, _ in found], [velocity for _, velocity in found]


def _time_step(moved: Array, speed: Array) -> float:
    """The time step in seconds, by medians, so that a few jumps do not matter."""
    typical = float(np.nanmedian(np.abs(speed))) if speed.size else 0.0
    return float(np.nanmedian(moved * np.sign(speed))) / typical if typical > 0 else 0.0
