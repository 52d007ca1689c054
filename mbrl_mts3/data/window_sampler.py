"""Windows out of episodes, fetched in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError


class WindowSampler:
    """Every window of `length` transitions that lies inside one episode, as one long list.

    An episode of n >= length steps gives the starts 0..n - length; a shorter one gives a single window, padded.

    Args:
        episodes: in physical units.
        length: transitions of a window.
        min_length: leave out episodes with fewer steps than this.
        device: where the data is kept, and batches are made.

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
        kept = [(place, episode) for place, episode in enumerate(episodes) if len(episode) >= min_length]
        if not kept:
            longest = max((len(episode) for episode in episodes), default=0)
            raise EpisodeTooShortError(
                f"none of {len(episodes)} episodes has {min_length} steps, the longest has {longest}: "
                "use shorter windows or longer episodes"
            )
        self.length = length
        self._place = np.array([place for place, _ in kept])
        self._steps = np.array([len(episode) for _, episode in kept])
        self._store([episode for _, episode in kept], torch.device(device))
        counts = np.maximum(self._steps - length, 0) + 1
        # Windows are numbered episode by episode; _first[e] is the number of episode e's first window.
        self._first = np.concatenate([[0], np.cumsum(counts)])

    def _store(self, episodes: list[Episode], device: torch.device) -> None:
        """Lay all episodes out one after the other, n + 1 rows each, so that one row number serves all arrays."""
        self._row = np.concatenate([[0], np.cumsum(self._steps + 1)[:-1]])

        def flat(name: str) -> Tensor:
            rows = [array for episode in episodes for array in _padded(getattr(episode, name), len(episode) + 1)]
            return torch.from_numpy(np.concatenate(rows)).to(device)

        self._observations, self._actions, self._rewards, self._terminations = map(
            flat, ("observations", "actions", "rewards", "terminations")
        )

    def __len__(self) -> int:
        """Number of windows."""
        return int(self._first[-1])

    @property
    def observation_dim(self) -> int:
        """Entries of an observation."""
        return int(self._observations.shape[-1])

    @property
    def action_dim(self) -> int:
        """Entries of an action."""
        return int(self._actions.shape[-1])

    def locate(self, index: int) -> tuple[int, int]:
        """Position of a window's episode in the given sequence, and the window's first step in it."""
        episode, start = self._locate(np.array([index]))
        return int(self._place[episode[0]]), int(start[0])

    def batch(self, indices: Tensor | Sequence[int]) -> WindowBatch:
        """Fetch windows by number, (B,) in 0..len(self) - 1."""
        numbers = np.asarray(indices, dtype=np.int64).reshape(-1)
        if numbers.size == 0 or numbers.min() < 0 or numbers.max() >= len(self):
            raise IndexError(f"window numbers need to lie in 0..{len(self) - 1} and to be at least one")
        episode, start = self._locate(numbers)
        offsets = np.arange(self.length + 1)
        left = (self._steps[episode] - start)[:, None]
        rows = (self._row[episode] + start)[:, None] + np.minimum(offsets, left)
        return self._gather(torch.from_numpy(rows), torch.from_numpy(offsets <= left))

    def _gather(self, rows: Tensor, inside: Tensor) -> WindowBatch:
        """Take `rows` (B, T + 1) of the flat arrays; zeros where not `inside`."""
        device = self._observations.device
        rows, inside = rows.to(device), inside.to(device)
        steps, valid = rows[:, :-1], inside[:, 1:]
        return WindowBatch(
            observations=self._observations[rows] * inside.unsqueeze(-1),
            actions=self._actions[steps] * valid.unsqueeze(-1),
            rewards=self._rewards[steps] * valid,
            terminations=self._terminations[steps] & valid,
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
        needed = batch_size * num_batches
        rounds = [generator.permutation(len(self)) for _ in range(-(-needed // len(self)))]
        return self.batches(torch.from_numpy(np.concatenate(rounds)[:needed]), batch_size)


def _padded(array: np.ndarray, rows: int) -> list[np.ndarray]:
    missing = rows - len(array)
    return [array] if missing == 0 else [array, np.zeros((missing, *array.shape[1:]), array.dtype)]
