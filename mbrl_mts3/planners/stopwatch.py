"""Time of a search, and whether another iteration fits into its budget."""

from __future__ import annotations

import time

import torch


class Stopwatch:
    """Measures one search from its start on, iteration by iteration.

    Args:
        budget_ms: milliseconds that the search may take; None sets no limit.
        device: of the search; an accelerator finishes its work before the time is read.
    """

    def __init__(self, budget_ms: float | None, device: torch.device) -> None:
        self.budget_ms = budget_ms
        self.device = device
        self.iterations = 0
        self._began = self._now()
        self._last = self._began
        self._longest = 0.0

    def allows_another(self, following: int = 0) -> bool:
        """End an iteration; whether one more, as long as the longest so far, would end within the budget.

        Args:
            following: evaluations after the last iteration, each counted as one iteration.
        """
        self.iterations += 1
        if self.budget_ms is None:
            return True
        now = self._now()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        return (now - self._began + (1 + following) * self._longest) * 1e3 <= self.budget_ms

    def milliseconds(self) -> float:
        """Time since the start."""
        return (self._now() - self._began) * 1e3

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()
