"""What agents sample, episode by episode: the same whether an episode is run alone, after others or beside others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.array_types import Array, BoolArray
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class EpisodeDraws(TensorRecord):
    """Where the draws of B episodes stand."""

    seeds: Tensor
    """(B,) int64: of the environments' resets."""
    decisions: Tensor
    """(B,) int64: made so far in each episode."""

    def begin(self, seeds: Sequence[int], start: BoolArray) -> EpisodeDraws:
        """With episodes of these seeds (B,) begun anew where `start` (B,) holds."""
        fresh = begin_draws(seeds)
        return fresh.where(torch.as_tensor(start), self)

    def after(self) -> EpisodeDraws:
        """One decision later."""
        return EpisodeDraws(self.seeds, self.decisions + 1)


def begin_draws(seeds: Sequence[int]) -> EpisodeDraws:
    """The draws of episodes that begin now, one for each seed."""
    begun = torch.tensor(list(seeds), dtype=torch.int64)
    return EpisodeDraws(begun, torch.zeros_like(begun))


def sample_actions(
    sample: Callable[[np.random.Generator, tuple[int, ...]], Array],
    shape: tuple[int, ...],
    batch: int | None,
    seed: int,
    draws: int | EpisodeDraws,
) -> Array:
    """Sample the actions of one decision.

    Args:
        sample: of a generator and a shape.
        shape: of one action.
        batch: number of environments B; None for a single one.
        seed: of the agent.
        draws: of each episode, or the number of calls so far where episodes are not told apart.

    Returns:
        Of that shape, or (B, *shape).
    """
    if isinstance(draws, EpisodeDraws):
        places = zip(draws.seeds.tolist(), draws.decisions.tolist(), strict=True)
        rows = [sample(np.random.default_rng((seed, *place)), shape) for place in places]
        return rows[0] if batch is None else np.stack(rows)
    return sample(np.random.default_rng((seed, draws)), shape if batch is None else (batch, *shape))


@runtime_checkable
class SeededAgent(Protocol):
    """An agent that samples and can tell episodes apart by their seeds."""

    def begin_episodes(self, state: Any, seeds: Sequence[int], start: BoolArray) -> Any:
        """The state for the next `predict`, in which episodes begin.

        Args:
            state: what the last `predict` returned; None before the first.
            seeds: (B,) of the episodes' resets.
            start: (B,) bool, True where an episode begins with the next observation.
        """
        ...


def begin_episodes(agent: Any, state: Any, seeds: Sequence[int], start: BoolArray) -> Any:
    """Tell an agent that samples which episodes begin; see `SeededAgent`. The state of others stays as it is."""
    return agent.begin_episodes(state, seeds, start) if isinstance(agent, SeededAgent) else state
