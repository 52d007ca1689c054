"""Random masks that hide observations: in training, for imputation and for open loops, and from an agent that acts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError

# Rate of dropped windows at which the curriculum starts (Shaj et al., 2023).
_FIRST_WINDOW_RATE = 0.05


@dataclass(frozen=True)
class MaskSampler:
    """Samples masks that hide observations in training, one per sequence.

    With `suffix_probability` a sequence shows a context of random length and then nothing more, as in an open-loop
    prediction. Otherwise single steps and whole windows are hidden everywhere; the rate of hidden windows is sampled
    per sequence, up to a limit that a curriculum raises from 0.05 to `window_rate_max`. The first window is never
    hidden as a whole, and the first step never at all.

    Args:
        period: steps of a window, the model's `period`.
        step_rate: rate at which single steps are hidden, in either case.
        window_rate_max: highest rate at which whole windows are hidden.
        suffix_probability: that a sequence shows a context only.
    """

    period: int
    step_rate: float = 0.15
    window_rate_max: float = 0.75
    suffix_probability: float = 0.5

    def __post_init__(self) -> None:
        for name in ("step_rate", "window_rate_max", "suffix_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"{name} needs a value in [0, 1], got {getattr(self, name)}")
        if self.period < 1:
            raise ConfigurationError(f"period needs at least 1 step, got {self.period}")

    def sample(
        self, batch: int, length: int, generator: torch.Generator | None = None, progress: float = 1.0
    ) -> Tensor:
        """Sample a mask.

        Args:
            batch: sequences.
            length: steps of a sequence.
            generator: source of randomness; the mask is made on its device. None: torch's global one.
            progress: how far the curriculum is, in [0, 1].

        Returns:
            (batch, length) bool, True where the observation is shown.
        """
        device = generator.device if generator is not None else torch.device("cpu")

        def uniform(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator, device=device)

        hidden_steps = uniform(batch, length) < self.step_rate
        hidden = torch.where(
            uniform(batch, 1) < self.suffix_probability,
            _suffixes(uniform(batch, 1), length),
            self._windows(uniform(batch, 1), uniform(batch, -(-length // self.period)), length, progress),
        )
        mask = ~(hidden_steps | hidden)
        mask[:, 0] = True
        return mask

    def _windows(self, rate: Tensor, uniform: Tensor, length: int, progress: float) -> Tensor:
        """Hidden windows as (B, length) bool; `rate` (B, 1) and `uniform` (B, windows) are uniform in [0, 1)."""
        first = min(_FIRST_WINDOW_RATE, self.window_rate_max)
        limit = first + min(max(progress, 0.0), 1.0) * (self.window_rate_max - first)
        windows = uniform < rate * limit
        windows[:, 0] = False
        return windows.repeat_interleave(self.period, dim=1)[:, :length]


def context_mask(length: int, context: int) -> Tensor:
    """The mask (length,) bool that shows the first `context` steps, and none after."""
    return torch.arange(length) < context


@dataclass(frozen=True)
class MissingObservations:
    """Which observations of an episode an agent does not get: single steps at random, or bursts of several.

    Outside of a burst each observation begins one with the probability rate / (rate + burst (1 - rate)), so that the
    share `rate` of a long episode is missing; bursts may follow each other at once. With a burst of 1 steps are missing
    independently of each other. The first observation of an episode is always shown.

    Args:
        rate: share of the observations that are missing, in [0, 1).
        burst: steps of a burst.

    Raises:
        ConfigurationError: an option is out of its range.
    """

    rate: float
    burst: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ConfigurationError(f"missing.rate={self.rate}: expected a share from 0 to below 1")
        if self.burst < 1:
            raise ConfigurationError(f"missing.burst={self.burst}: expected at least 1 step")

    def shown(self, seed: int) -> Iterator[bool]:
        """Endlessly, whether each observation of the episode with this seed is shown."""
        generator = np.random.default_rng((seed, self.burst))
        begins = self.rate / (self.rate + self.burst * (1 - self.rate))
        yield True
        while True:
            if generator.random() < begins:
                for _ in range(self.burst):
                    yield False
            else:
                yield True


def _suffixes(uniform: Tensor, length: int) -> Tensor:
    """Hidden steps (B, length) bool after a context of 1..length - 1 steps; `uniform` (B, 1) in [0, 1) chooses it."""
    context = 1 + (uniform * (length - 1)).floor()
    return torch.arange(length, device=uniform.device) >= context
