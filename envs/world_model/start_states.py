"""Start states of imagined episodes: time steps of real episodes with their filtered beliefs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError
from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.tensor_record import TensorRecord, concatenate

_ROWS_AT_ONCE = 256

STARTS = ("anywhere", "beginning")


@dataclass(frozen=True, repr=False)
class StartStates(TensorRecord):
    """N time steps of real episodes with their beliefs, filtered once, so that episodes start at no cost."""

    belief: TensorRecord
    """(N, ...): updated with o_t, a_t not yet executed."""
    observation: Tensor
    """(N, obs): o_t as it was observed, in physical units."""

    @classmethod
    def from_episodes(
        cls,
        model: PhysicalModel,
        episodes: Sequence[Episode],
        *,
        context: int,
        starts: str = "anywhere",
        size: int = 2048,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> StartStates:
        """Choose time steps of episodes and filter the steps before them.

        Args:
            model: on `device`.
            episodes: in physical units.
            context: steps that the model observes before o_t.
            starts: "anywhere" takes every step of an episode that is not its last one and has a full context before
                it; "beginning" takes the first steps, without a context.
            size: number of start states, chosen at random without repetition; all if there are fewer.
            seed: of the choice.

        Raises:
            EpisodeTooShortError: no episode has a step with such a context.
            ConfigurationError: an option is out of range.
        """
        if starts not in STARTS:
            raise ConfigurationError(f"unknown starts {starts!r}: expected one of {', '.join(STARTS)}")
        if context < 0 or size < 1:
            raise ConfigurationError(f"expected context >= 0 and num_start_states >= 1, got {context} and {size}")
        if starts == "beginning":
            context = 0
        chosen = choose_steps(episodes, context, size, seed, beginning=starts == "beginning")
        return cls.from_steps(model, episodes, chosen, context=context, device=device)

    @classmethod
    def from_steps(
        cls,
        model: PhysicalModel,
        episodes: Sequence[Episode],
        steps: Sequence[tuple[int, int]],
        *,
        context: int,
        device: torch.device | str = "cpu",
    ) -> StartStates:
        """Filter the steps before given time steps.

        Args:
            model: on `device`.
            episodes: in physical units.
            steps: pairs of the place of an episode and a time step t in it, as `choose_steps` returns them.
            context: steps that the model observes before o_t, at most t.
        """
        with torch.no_grad():
            parts = [
                _filter(model, episodes, steps[first : first + _ROWS_AT_ONCE], context, device)
                for first in range(0, len(steps), _ROWS_AT_ONCE)
            ]
        return concatenate(parts)

    @property
    def size(self) -> int:
        """Number N of start states."""
        return len(self.observation)

    def sample(self, count: int, generator: torch.Generator | None) -> StartStates:
        """Sample `count` start states with replacement."""
        return self[torch.randint(self.size, (count,), generator=generator, device=self.observation.device)]


def choose_steps(
    episodes: Sequence[Episode], context: int, size: int, seed: int, *, following: int = 1, beginning: bool = False
) -> list[tuple[int, int]]:
    """Choose time steps of episodes at random, without repetition: pairs (place of the episode, t), in order.

    Args:
        context: steps of the episode before each of them, at least.
        size: how many; all if there are fewer.
        seed: of the choice.
        following: steps of the episode from each of them on, at least.
        beginning: take the first step of each episode only.

    Raises:
        EpisodeTooShortError: no episode is that long.
    """
    needed = context + following
    counts = np.array([max(len(episode) - needed + 1, 0) for episode in episodes])
    counts = np.minimum(counts, 1) if beginning else counts
    ends = counts.cumsum()
    total = int(ends[-1])
    if total == 0:
        after = f" and {following} steps after it" if following > 1 else ""
        raise EpisodeTooShortError(
            f"a context of {context} steps{after} needs an episode of at least {needed}, the longest of "
            f"{len(episodes)} has {max(len(episode) for episode in episodes)}: ask for a shorter context"
            f"{' or horizon' if following > 1 else ''}"
        )
    rng = np.random.default_rng(seed)
    chosen = np.arange(total) if total <= size else np.sort(rng.choice(total, size, replace=False))
    places = np.searchsorted(ends, chosen, side="right")
    return [(int(e), int(context + c - (ends[e] - counts[e]))) for e, c in zip(places, chosen, strict=True)]


def _filter(
    model: PhysicalModel,
    episodes: Sequence[Episode],
    steps: Sequence[tuple[int, int]],
    context: int,
    device: torch.device | str,
) -> StartStates:
    rows = [(episodes[e], t) for e, t in steps]
    now = torch.as_tensor(np.stack([episode.observations[t] for episode, t in rows]), device=device)
    belief = model.initial_belief(len(rows))
    if context:
        before = np.stack([episode.observations[t - context : t] for episode, t in rows])
        actions = np.stack([episode.actions[t - context : t] for episode, t in rows])
        belief, _ = model.filter(torch.as_tensor(before, device=device), torch.as_tensor(actions, device=device))
    return StartStates(model.observe(belief, now), now)
