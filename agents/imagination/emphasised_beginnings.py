"""Data in which the first steps of episodes weigh more."""

from __future__ import annotations

from collections.abc import Sequence

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError


def emphasised_beginnings(episodes: Sequence[Episode], steps: int, times: int) -> list[Episode]:
    """The episodes, and their first steps so many times more.

    A policy is judged from the beginning of episodes, but of long ones the beginning is a small part of the data: where
    it is not stressed, learning is free to forget how to get going.

    Args:
        episodes: are not changed.
        steps: of each episode; the repeated pieces are as if cut there.
        times: 0 for the data as they are.

    Raises:
        ConfigurationError: a number out of range.
    """
    if steps < 1 or times < 0:
        raise ConfigurationError(f"expected beginnings of at least 1 step, 0 times or more, got {steps} and {times}")
    return [*episodes, *(_first(episode, steps) for episode in episodes if len(episode) > steps for _ in range(times))]


def _first(episode: Episode, steps: int) -> Episode:
    return Episode(
        episode.observations[: steps + 1],
        episode.actions[:steps],
        episode.rewards[:steps],
        episode.terminations[:steps],
        episode.truncations[:steps],
        episode_id=episode.episode_id,
    )
