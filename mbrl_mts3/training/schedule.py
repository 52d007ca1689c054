"""How far training is, by steps or by the clock."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass
class Schedule:
    """Progress in [0, 1], and a learning rate that warms up and then falls along a cosine.

    Args:
        learning_rate: the highest.
        max_steps: updates of a full training.
        max_seconds: where given, the clock may end training sooner, and progress follows whichever is further.
        warmup: share of the training in which the rate rises from zero.
        final: learning rate at the end, as a share of the highest.
    """

    learning_rate: float = 3e-3
    max_steps: int = 5000
    max_seconds: float | None = None
    warmup: float = 0.02
    final: float = 0.05
    _started: float | None = field(default=None, init=False, repr=False)

    def start(self, elapsed: float = 0.0) -> None:
        """Let the clock begin; `elapsed` seconds of an interrupted run that is gone on with count as passed."""
        self._started = time.monotonic() - elapsed

    @property
    def elapsed(self) -> float:
        """Seconds of training so far; 0 before the start."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def progress(self, step: int) -> float:
        """Share of the training that is done before update number `step`."""
        by_step = step / self.max_steps
        if self.max_seconds is None:
            return min(1.0, by_step)
        return min(1.0, max(by_step, self.elapsed / self.max_seconds))

    def rate(self, step: int) -> float:
        """The learning rate of update number `step`."""
        progress = self.progress(step)
        if progress < self.warmup:
            return self.learning_rate * (progress + 1 / self.max_steps) / (self.warmup + 1 / self.max_steps)
        fall = (progress - self.warmup) / (1 - self.warmup)
        return self.learning_rate * (self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * fall)))
