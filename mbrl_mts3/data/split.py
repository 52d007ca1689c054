"""Split of episodes into training, validation and test data."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbrl_mts3.data.episode import Episode, JoinedEpisodes
from mbrl_mts3.data.mapped_episodes import MappedEpisodes
from mbrl_mts3.errors import ConfigurationError, DataError


@dataclass(frozen=True)
class Splits:
    """Three disjoint sets of whole episodes."""

    train: Sequence[Episode]
    validation: Sequence[Episode]
    test: Sequence[Episode]


def split_episodes(episodes: Sequence[Episode], fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0) -> Splits:
    """Split episodes at random into three sets of at least one episode each.

    Memory-mapped episodes stay on disk. The same episodes, fractions and seed give the same sets; inside a set
    the order of `episodes` is kept.

    Episodes of several data sets (`JoinedEpisodes`) are split data set by data set, so that none of the test episodes
    of one is trained on in company.

    Raises:
        ConfigurationError: fractions that are not three positive numbers with sum 1.
        DataError: fewer than three episodes.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigurationError(f"split fractions need three positive numbers with sum 1, got {tuple(fractions)}")
    if isinstance(episodes, JoinedEpisodes):
        return _split_each(episodes, fractions, seed)
    if len(episodes) < 3:
        raise DataError(
            f"a split in three needs at least 3 episodes, got {len(episodes)}: collect more, or shorter, episodes"
        )
    validation = max(1, round(fractions[1] * len(episodes)))
    test = max(1, round(fractions[2] * len(episodes)))
    train = max(1, len(episodes) - validation - test)
    validation = min(validation, len(episodes) - train - 1)
    order = np.random.default_rng(seed).permutation(len(episodes))
    parts = np.split(order, [train, train + validation])
    return Splits(*(_chosen(episodes, np.sort(part)) for part in parts))


def _chosen(episodes: Sequence[Episode], places: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Sequence[Episode]:
    if isinstance(episodes, MappedEpisodes):
        return episodes.subset(places)
    return tuple(episodes[place] for place in places)


def _split_each(episodes: JoinedEpisodes, fractions: Sequence[float], seed: int) -> Splits:
    ends = itertools.accumulate(episodes.parts)
    parts = [episodes[end - length : end] for end, length in zip(ends, episodes.parts, strict=True)]
    splits = [split_episodes(part, fractions, seed) for part in parts]
    return Splits(
        tuple(episode for one in splits for episode in one.train),
        tuple(episode for one in splits for episode in one.validation),
        tuple(episode for one in splits for episode in one.test),
    )
