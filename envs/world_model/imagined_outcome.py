"""What imagined steps give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

BoolVector = np.ndarray[Any, np.dtype[np.bool_]]
FloatVector = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class ImaginedOutcome:
    """What one step of B episodes gave, beside the observation."""

    rewards: FloatVector
    terminated: BoolVector
    truncated: BoolVector
    infos: dict[str, np.ndarray]
    """(B,) each: "uncertainty" where it is measured, "success" where the task has a goal, "truncation" (why, or None)
    where any episode was truncated."""

    @property
    def done(self) -> BoolVector:
        """(B,)."""
        return self.terminated | self.truncated
