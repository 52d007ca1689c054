"""Windows of episodes for training: cut out, gathered in batches, and loaded in random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.mapped_episodes import MappedEpisodes, episode_lengths
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.window_rows import InMemoryRows, MemoryMappedRows
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.tensor_record import TensorRecord
from mbrl_mts3.wording import counted

# With more windows their order is computed when it is needed: a list of it would take eight bytes per step.
_SHUFFLED_IN_MEMORY = 2**20


class WindowSampler:
    """Numbered list of all windows of `length` transitions that lie inside one episode.

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
        kept = np.flatnonzero(lengths >= min_length)
        if len(kept) == 0:
            raise EpisodeTooShortError(
                f"none of {counted(len(episodes), 'episode')} has {counted(min_length, 'step')}, the longest has "
                f"{max(lengths, default=0)}: use shorter windows or longer episodes"
            )
        self.length = length
        self._steps = lengths[kept]
        self._rows = _rows(episodes, kept, torch.device(device))
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

    def batch(self, indices: Tensor | np.ndarray[Any, np.dtype[np.int64]] | Sequence[int]) -> WindowBatch:
        """Fetch windows by their numbers, (B,) in 0..len(self) - 1."""
        numbers = np.asarray(indices, dtype=np.int64).reshape(-1)
        if numbers.size == 0 or numbers.min() < 0 or numbers.max() >= len(self):
            raise IndexError(f"expected at least one window number, all in 0..{len(self) - 1}")
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

    def random_batches(
        self, batch_size: int, num_batches: int, seed: int, epoch: int = 0, rows: slice = slice(None)
    ) -> Iterator[WindowBatch]:
        """Batches of windows in random order, none twice before all had their turn; same arguments, same batches.

        Args:
            batch_size: windows of a batch.
            num_batches: how many of them.
            seed, epoch: what the order depends on.
            rows: of each batch that are fetched.
        """
        generator = np.random.default_rng([seed, epoch])
        needed, count = batch_size * num_batches, len(self)
        if count <= _SHUFFLED_IN_MEMORY:
            rounds = [generator.permutation(count) for _ in range(-(-needed // count))]
            numbers = np.concatenate(rounds)
            for first in range(0, needed, batch_size):
                yield self.batch(numbers[first : first + batch_size][rows])
            return
        orders: dict[int, LazyPermutation] = {}
        for first in range(0, needed, batch_size):
            places = np.arange(first, first + batch_size)
            parts = []
            for turn in range(first // count, places[-1] // count + 1):
                order = orders.setdefault(turn, LazyPermutation(count, np.random.default_rng([seed, epoch, turn])))
                parts.append(order(places[places // count == turn] % count))
            yield self.batch(np.concatenate(parts)[rows])


def _rows(
    episodes: Sequence[Episode], places: np.ndarray[tuple[int, ...], np.dtype[np.int64]], device: torch.device
) -> InMemoryRows | MemoryMappedRows:
    if isinstance(episodes, MappedEpisodes):
        return MemoryMappedRows(episodes.subset(places), device)
    return InMemoryRows([episodes[place] for place in places], device)


@dataclass(frozen=True, repr=False)
class WindowBatch(TensorRecord):
    """A batch of B windows of T transitions; beyond the end of an episode they are zero, which `valid` marks."""

    observations: Tensor
    """(B, T + 1, obs): o_0..o_T."""
    actions: Tensor
    """(B, T, act): a_t leads from o_t to o_{t+1}."""
    rewards: Tensor
    """(B, T): r_t belongs to the same transition."""
    terminations: Tensor
    """(B, T) bool: o_{t+1} is terminal."""
    valid: Tensor
    """(B, T) bool: False where the transition is padding."""

    @property
    def observation_valid(self) -> Tensor:
        """(B, T + 1) bool: False where the observation is padding; the first one never is."""
        return torch.cat([torch.ones_like(self.valid[:, :1]), self.valid], dim=1)

    def normalize(self, normalizer: Normalizer) -> WindowBatch:
        """The same windows in normalised units; padding stays zero."""
        return replace(
            self,
            observations=normalizer.normalize_observation(self.observations) * self.observation_valid.unsqueeze(-1),
            actions=normalizer.normalize_action(self.actions) * self.valid.unsqueeze(-1),
            rewards=normalizer.normalize_reward(self.rewards) * self.valid,
        )

    def by_length(self) -> Iterator[tuple[Tensor, WindowBatch]]:
        """Groups of equally long windows, cut to that length, so that padding is not taken for actions.

        Yields:
            (rows, windows): indices (n,) of the windows in this batch, on the CPU, and the windows without padding.
        """
        lengths = self.valid.sum(dim=1).cpu()
        for length in sorted(set(lengths.tolist())):
            rows = (lengths == length).nonzero()[:, 0]
            group = self[rows.to(self.valid.device)]
            yield (
                rows,
                WindowBatch(
                    observations=group.observations[:, : length + 1],
                    actions=group.actions[:, :length],
                    rewards=group.rewards[:, :length],
                    terminations=group.terminations[:, :length],
                    valid=group.valid[:, :length],
                ),
            )


class RandomWindowLoader:
    """Loader of random windows, in place of a DataLoader: `num_batches` batches a pass, new ones in each epoch.

    A pass depends on `seed` and `epoch` alone. Every pass increments `epoch` when it begins; to resume, `set_epoch`.
    Where several processes train together, each has the same loader and fetches its `rows` of each batch.

    Args:
        sampler: where windows come from.
        batch_size: windows of a batch.
        num_batches: batches of an epoch; None means as many as it takes to see as many windows as there are,
            at least one.
        seed: of the order.
    """

    def __init__(
        self, sampler: WindowSampler, batch_size: int, num_batches: int | None = None, *, seed: int = 0
    ) -> None:
        if batch_size < 1 or (num_batches is not None and num_batches < 1):
            raise ConfigurationError(f"a loader needs positive sizes, got {batch_size} windows, {num_batches} batches")
        # Not `sampler`: Lightning takes a loader with that attribute for torch's own.
        self.windows = sampler
        self.batch_size = batch_size
        self.num_batches = num_batches if num_batches is not None else max(1, len(sampler) // batch_size)
        self.seed = seed
        self.epoch = 0
        self.rows = slice(None)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[WindowBatch]:
        epoch = self.epoch
        self.epoch += 1
        return self.windows.random_batches(self.batch_size, self.num_batches, self.seed, epoch, self.rows)


_ROUNDS = 6
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class LazyPermutation:
    """A pseudo-random permutation of 0..count - 1 whose entries are computed when they are needed.

    A Feistel network permutes the next larger power of four; numbers beyond the range are sent through again until they
    fall into it ("cycle walking": Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). The rounds mix
    with the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).

    Args:
        count: at least 1.
        generator: of the keys of the rounds.
    """

    def __init__(self, count: int, generator: np.random.Generator) -> None:
        self._count = np.uint64(count)
        self._half = np.uint64(max(1, -(-(count - 1).bit_length() // 2)))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        self._keys = generator.integers(2**63, size=_ROUNDS).astype(np.uint64)

    def __call__(self, places: Array) -> Array:
        """Entries (n,) at `places` (n,) of 0..count - 1."""
        found = self._permute(places.astype(np.uint64))
        outside = np.flatnonzero(found >= self._count)
        while len(outside):
            found[outside] = self._permute(found[outside])
            outside = outside[found[outside] >= self._count]
        return found.astype(np.int64)

    def _permute(self, values: Array) -> Array:
        left, right = values >> self._half, values & self._mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right + key) & self._mask)
        result: Array = (left << self._half) | right
        return result


def _mixed(values: Array) -> Array:
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    result: Array = values ^ (values >> np.uint64(31))
    return result
