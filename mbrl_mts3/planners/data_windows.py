"""Walks over windows of the data: far plans that are made of what the data did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.tensor_record import TensorRecord


class DataWindows:
    """Windows of the data, each linked to those that may follow it.

    A window begins at every `stride`-th observation of each episode. What may follow it is the next window of its own
    episode, and those that begin where it ended: at most `neighbours` within `radius`, and at least the nearest one. A
    walk from window to window is a long sequence of actions that the data did, at nearly the states that it comes
    through, with the observations and rewards that followed.

    Args:
        episodes: of the data, in physical units.
        scale: (obs,), what counts as one unit of distance in each entry.
        length: steps of a window.
        stride: steps from the begin of one window to that of the next.
        neighbours: windows at most that a walk may begin with, and that may follow another one.
        radius: the largest distance between the end of a window and the begin of another that follows it.
        persistence: probability that a walk goes on along the episode, where it does not end.

    Raises:
        ConfigurationError: an option out of range, or no episode is as long as a window.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        scale: Tensor,
        *,
        length: int = 15,
        stride: int = 5,
        neighbours: int = 8,
        radius: float = 0.1,
        persistence: float = 0.8,
    ) -> None:
        if min(length, stride, neighbours) < 1 or not (radius >= 0 and 0 <= persistence <= 1):
            raise ConfigurationError(
                f"windows of the data with length={length}, stride={stride}, neighbours={neighbours}, radius={radius} "
                f"and persistence={persistence}: expected whole numbers from 1, no negative radius and a probability"
            )
        self.scale = scale.double().cpu()
        self.length = length
        self.persistence = persistence
        self._steps = Walks(
            *(
                torch.from_numpy(np.concatenate([np.empty((0, *parts[0].shape[1:]), np.float32), *parts]))
                for parts in (
                    [episode.actions for episode in episodes],
                    [episode.observations[1:] for episode in episodes],
                    [episode.rewards for episode in episodes],
                )
            )
        )
        begins, ends, self._rows, self._next = _cut(episodes, length, stride)
        if not len(begins):
            raise ConfigurationError(
                f"none of {len(episodes)} episodes has the {length} steps of a window: take shorter windows"
            )
        self._tree = cKDTree(begins / self.scale.numpy())
        self._count = min(neighbours, len(begins))
        distance, index = self._query(ends)
        self._following = torch.from_numpy(index)
        self._follow_counts = torch.from_numpy((distance <= radius).sum(axis=-1)).clamp(min=1)

    def __len__(self) -> int:
        """Number of windows."""
        return len(self._rows)

    def walk(self, observation: Tensor, draws: Tensor) -> Walks:
        """Walks (B, N, L) of L = cells * length steps that begin near observations (B, obs).

        Args:
            observation: where they begin, in physical units.
            draws: (2, N, cells), or (2, B, N, cells), uniform in [0, 1): which window comes, and whether the walk
                leaves its episode for it.
        """
        drawn = draws if draws.ndim == 4 else draws[:, None]
        which, leave = drawn.cpu().expand(2, len(observation), *drawn.shape[-2:])
        nearest = torch.from_numpy(self._query(observation.cpu().numpy())[1])
        place = nearest.gather(1, (which[..., 0] * self._count).long())
        places = [place]
        for cell in range(1, which.shape[-1]):
            other = self._following[place, (which[..., cell] * self._follow_counts[place]).long()]
            onward = self._next[place]
            place = torch.where((leave[..., cell] < self.persistence) & (onward >= 0), onward, other)
            places.append(place)
        rows = self._rows[torch.stack(places, dim=-1)][..., None] + torch.arange(self.length)
        return self._steps[rows.flatten(-2)].to(observation.device)

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Distances (...) of observations (..., obs), in units of `scale`."""
        found: Tensor = torch.linalg.vector_norm((first - second) / self.scale.to(first), dim=-1)
        return found

    def _query(self, observation: Array) -> tuple[Array, Array]:
        """Distances and indices (..., neighbours) of the windows that begin nearest to observations (..., obs)."""
        distance, index = self._tree.query(observation / self.scale.numpy(), k=np.arange(1, self._count + 1))
        return distance, index


def _cut(episodes: Sequence[Episode], length: int, stride: int) -> tuple[Array, Array, Tensor, Tensor]:
    """Of W windows: observations (W, obs) at begin and end, the row of the first action, and the window that goes on.

    The window that goes on begins where this one ends, or up to `stride` - 1 steps later; -1 where the episode is over.
    """
    begins, ends, rows, onward, first_row, count = [], [], [], [], 0, 0
    for episode in episodes:
        places = np.arange(0, len(episode) - length + 1, stride)
        begins.append(episode.observations[places])
        ends.append(episode.observations[places + length])
        rows.append(first_row + places)
        following = np.arange(len(places)) - (-length // stride)
        onward.append(np.where(following < len(places), count + following, -1))
        first_row += len(episode)
        count += len(places)
    return (
        np.concatenate(begins),
        np.concatenate(ends),
        torch.from_numpy(np.concatenate(rows)),
        torch.from_numpy(np.concatenate(onward)),
    )


@dataclass(frozen=True, repr=False)
class Walks(TensorRecord):
    """What the data did in L steps, in physical units."""

    actions: Tensor
    """(..., L, act)."""
    observations: Tensor
    """(..., L, obs): after each action."""
    rewards: Tensor
    """(..., L): as recorded."""
