"""Windows out of episodes, fetched in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.mapped_episodes import MappedEpisodes, episode_lengths
from mbrl_mts3.data.mapped_window_rows import MappedWindowRows
from mbrl_mts3.data.shuffled_range import ShuffledRange
from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.data.window_rows import WindowRows
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError

# Beyond so many windows their order is computed as it is needed: the list alone would take eight bytes per step.
_SHUFFLED_IN_MEMORY = 2**20


class WindowSampler:
    """Every window of `length` transitions that lies inside one episode, as one long list.

    An episode of n >= length steps gives the starts 0..n - length; a shorter one gives a single window, padded.

    Args:
        episodes: in physical units; `MappedEpisodes` stay on disk, and give the same windows.
        length: transitions of a window.
        min_length: leave out episodes with fewer steps than this.
        device: where the data is kept (unless it stays on disk), and batches are made.

    Raises:
        EpisodeTooShortError: no episode has `min_length` steps.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        length: int,
        *,
        min_length: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        if length < 1 or min_length < 1:
            raise ConfigurationError(f"window length and min_length need at least 1, got {length} and {min_length}")
        lengths = episode_lengths(episodes)
        self._place = np.flatnonzero(lengths >= min_length)
        if len(self._place) == 0:
            raise EpisodeTooShortError(
                f"none of {len(episodes)} episodes has {min_length} steps, the longest has {max(lengths, default=0)}: "
                "use shorter windows or longer episodes"
            )
        self.length = length
        self._steps = lengths[self._place]
        self._rows = _rows(episodes, self._place, torch.device(device))
        counts = np.maximum(self._steps - length, 0) + 1
        # Windows are numbered episode by episode; _first[e] is the number of episode e's first window.
        self._first = np.concatenate([[0], np.cumsum(counts)])

    def __len__(self) -> int:
        """Number of windows."""
        return int(self._first[-1])

    @property
    def observation_dim(self) -> int:
        """Entries of an observation."""
        return self._rows.observation_dim

    @property
    def action_dim(self) -> int:
        """Entries of an action."""
        return self._rows.action_dim

    def locate(self, index: int) -> tuple[int, int]:
        """Position of a window's episode in the given sequence, and the window's first step in it."""
        episode, start = self._locate(np.array([index]))
        return int(self._place[episode[0]]), int(start[0])

    def batch(self, indices: Tensor | np.ndarray[Any, np.dtype[np.int64]] | Sequence[int]) -> WindowBatch:
        """Fetch windows by number, (B,) in 0..len(self) - 1."""
        numbers = np.asarray(indices, dtype=np.int64).reshape(-1)
        if numbers.size == 0 or numbers.min() < 0 or numbers.max() >= len(self):
            raise IndexError(f"window numbers need to lie in 0..{len(self) - 1} and to be at least one")
        episode, start = self._locate(numbers)
        offsets = np.arange(self.length + 1)
        left = (self._steps[episode] - start)[:, None]
        rows = (self._rows.first_rows[episode] + start)[:, None] + np.minimum(offsets, left)
        return self._gather(rows, torch.from_numpy(offsets <= left))

    def _gather(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]], inside: Tensor) -> WindowBatch:
        """Take `rows` (B, T + 1); zeros where not `inside`."""
        observations, actions, rewards, terminations = self._rows.take(rows)
        inside = inside.to(observations.device)
        valid = inside[:, 1:]
        return WindowBatch(
            observations=observations * inside.unsqueeze(-1),
            actions=actions * valid.unsqueeze(-1),
            rewards=rewards * valid,
            terminations=terminations & valid,
            valid=valid,
        )

    def _locate(self, numbers: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[np.ndarray, np.ndarray]:
        episode = np.searchsorted(self._first, numbers, side="right") - 1
        return episode, numbers - self._first[episode]

    def batches(self, indices: Tensor, batch_size: int) -> Iterator[WindowBatch]:
        """Fetch windows in the given order; the last batch may be smaller."""
        for first in range(0, len(indices), batch_size):
            yield self.batch(indices[first : first + batch_size])

    def grid(self, stride: int) -> Tensor:
        """Numbers of the windows at every `stride`-th step of each episode, the one that reaches its end included."""
        if stride < 1:
            raise ConfigurationError(f"stride needs at least 1, got {stride}")
        parts = []
        for first, end in zip(self._first[:-1], self._first[1:], strict=True):
            starts = np.arange(first, end, stride)
            parts.append(starts if starts[-1] == end - 1 else np.append(starts, end - 1))
        return torch.from_numpy(np.concatenate(parts))

    def random_batches(self, batch_size: int, num_batches: int, seed: int, epoch: int = 0) -> Iterator[WindowBatch]:
        """Batches of windows in random order, none twice before all were drawn; the same for equal arguments."""
        generator = np.random.default_rng([seed, epoch])
        needed, count = batch_size * num_batches, len(self)
        if count <= _SHUFFLED_IN_MEMORY:
            rounds = [generator.permutation(count) for _ in range(-(-needed // count))]
            yield from self.batches(torch.from_numpy(np.concatenate(rounds)[:needed]), batch_size)
            return
        orders: dict[int, ShuffledRange] = {}
        for first in range(0, needed, batch_size):
            places = np.arange(first, first + batch_size)
            parts = []
            for turn in range(first // count, places[-1] // count + 1):
                order = orders.setdefault(turn, ShuffledRange(count, np.random.default_rng([seed, epoch, turn])))
                parts.append(order(places[places // count == turn] % count))
            yield self.batch(np.concatenate(parts))


def _rows(
    episodes: Sequence[Episode], places: np.ndarray[tuple[int, ...], np.dtype[np.int64]], device: torch.device
) -> WindowRows | MappedWindowRows:
    if isinstance(episodes, MappedEpisodes):
        return MappedWindowRows(episodes.subset(places), device)
    return WindowRows([episodes[place] for place in places], device)
