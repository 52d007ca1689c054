"""A sample of a data set's steps, for figures of its coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.statistics import DatasetStatistics, StreamSubsample
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.observations import main_observation
from mbrl_mts3.errors import DataError


@dataclass(frozen=True, repr=False)
class CoverageSample:
    """A sample of N steps, spread evenly over the data set."""

    observations: Array
    """(N, obs), of the main observation."""
    actions: Array
    """(N, act)."""
    steps: Array
    """(N,) of the episode, from 0."""
    returns: Array
    """(N,) of the whole episode that the step belongs to."""
    names: tuple[str, ...]
    """Of the entries of an observation."""

    @classmethod
    def from_statistics(cls, statistics: DatasetStatistics, count: int = 20_000) -> CoverageSample:
        """Sample the steps, in one more pass over the data set.

        Args:
            statistics: of the data set.
            count: steps at most.

        Raises:
            DataError: no episode that fits the spaces and holds finite numbers.
        """
        rows = StreamSubsample(count)
        sizes: tuple[int, int] | None = None
        for episode in statistics.dataset.read():
            steps = len(episode)
            state = main_observation(episode.observations)[:steps]
            sizes = sizes or (state.shape[1], int(np.prod(episode.actions.shape[1:])))
            if len(state) != steps or episode.rewards.size != steps or state.shape[1] != sizes[0]:
                continue
            total = np.full(steps, np.asarray(episode.rewards, np.float64).sum())
            columns = [state, episode.actions.reshape(steps, -1), np.arange(steps)[:, None], total[:, None]]
            table = np.concatenate(columns, axis=1, dtype=np.float64)
            rows.add(table[np.isfinite(table).all(axis=1)])
        kept = rows.rows
        if sizes is None or len(kept) < 3:
            raise DataError(
                f"{statistics.dataset.dataset_id} has too few steps for figures ({len(kept)}, expected 3): see "
                "mts3-data check"
            )
        names = known_names(statistics.dataset.layout or statistics.dataset.env_id, sizes[0])
        return cls(
            observations=kept[:, : sizes[0]],
            actions=kept[:, sizes[0] : sum(sizes)],
            steps=kept[:, -2],
            returns=kept[:, -1],
            names=names or tuple(f"{MAIN_KEY}/{place}" for place in range(sizes[0])),
        )
