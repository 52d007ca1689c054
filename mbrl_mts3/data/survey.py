"""What one pass over a data set finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.content_hash import add_to_digest, episode_hash, new_digest
from mbrl_mts3.data.observation_leaves import leaf_shapes, main_observation, observation_leaves, space_shapes
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.running_moments import RunningMoments
from mbrl_mts3.data.stored_dataset import StoredDataset
from mbrl_mts3.data.thinned_rows import ThinnedRows
from mbrl_mts3.data.unexplained_changes import unexplained_changes

Array = np.ndarray[Any, np.dtype[Any]]

# Share of the one-step changes that lie below the typical largest one.
_LARGE_CHANGE = 0.99
# An action this close to a bound, relative to the range, lies on it.
_AT_BOUND = 1e-3


@dataclass(frozen=True, repr=False)
class Survey:
    """Facts about a whole data set, small whatever its size; what traps and cards are made from.

    Statistics leave out episodes whose arrays do not have the shapes of the spaces.
    """

    dataset: StoredDataset
    content_hash: str
    """The one that `OfflineDataset.content_hash` is."""
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
    """(k,): 99% of the `unexplained_changes` of the main observation are smaller."""
    saturation: Array
    """(act,): share of the actions that lie on a bound of the action space."""
    dtypes: Mapping[str, tuple[str, ...]]
    """Types that occur, by the name of the array."""

    @property
    def total_steps(self) -> int:
        """Transitions that were read."""
        return int(self.lengths.sum())


def survey(dataset: StoredDataset) -> Survey:
    """Read the data set once.

    Raises:
        DataError: a damaged file.
    """
    digest, hashes = new_digest(), []
    facts: list[tuple[int, int, float, bool, bool]] = []
    observations: dict[str, RunningMoments] = defaultdict(RunningMoments)
    actions, rewards, starts = RunningMoments(), RunningMoments(), RunningMoments()
    values, changes = ThinnedRows(), ThinnedRows()
    saturated, dtypes = _Saturation(dataset.action_space), defaultdict(set)
    for episode in dataset.read():
        add_to_digest(digest, episode)
        hashes.append(episode_hash(episode))
        facts.append(_facts(episode))
        for name, array in (*observation_leaves(episode.observations), *_columns(episode)):
            dtypes[name].add(str(array.dtype))
        if not _fits(episode, dataset):
            continue
        for name, leaf in observation_leaves(episode.observations):
            observations[name].add(leaf)
        actions.add(episode.actions)
        rewards.add(episode.rewards.reshape(-1))
        values.add(episode.rewards.reshape(-1))
        state = main_observation(episode.observations)
        starts.add(state[:1])
        changes.add(unexplained_changes(state, dataset.env_id))
        saturated.add(episode.actions)
    ids, lengths, returns, terminated, truncated = zip(*facts, strict=True) if facts else [()] * 5
    return Survey(
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


def _fits(episode: RawEpisode, dataset: StoredDataset) -> bool:
    """Whether an episode can be counted in; the trap of layouts tells what is wrong with one that cannot."""
    shapes = leaf_shapes(episode.observations) == space_shapes(dataset.observation_space)
    return len(episode) > 0 and shapes and episode.actions.shape[1:] == dataset.action_space.shape


def _columns(episode: RawEpisode) -> list[tuple[str, Array]]:
    return [(name, getattr(episode, name)) for name in ("actions", "rewards", "terminations", "truncations")]


def _facts(episode: RawEpisode) -> tuple[int, int, float, bool, bool]:
    ended = bool(episode.terminations.reshape(-1)[-1:].any())
    cut = bool(episode.truncations.reshape(-1)[-1:].any())
    return episode.episode_id, len(episode), float(np.asarray(episode.rewards, np.float64).sum()), ended, cut


def _quantile(changes: Array) -> Array:
    finite = changes[np.isfinite(changes).all(axis=1)] if changes.ndim == 2 else changes[:0]
    if len(finite) == 0:
        return np.zeros(changes.shape[1:])
    result: Array = np.quantile(finite, _LARGE_CHANGE, axis=0)
    return result


class _Saturation:
    """Counts actions on the bounds."""

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
