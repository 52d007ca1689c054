"""What a policy is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_mts3.metrics.bootstrap import bootstrap_interval
from mbrl_mts3.metrics.intervals import Interval


@dataclass(frozen=True, repr=False)
class PolicyValue:
    """Returns of one policy: imagined ones, and where the real environment was asked, real ones.

    The intervals of 95% tell what chance starts and chance outcomes leave open, and nothing of the model's own error.
    """

    name: str
    imagined: np.ndarray
    """(N,): returns of imagined episodes."""
    real: np.ndarray | None = None
    """(E,): returns of real ones, over as many steps and with the same discount."""
    whole: np.ndarray | None = None
    """(E,): sums of the rewards of whole real episodes."""

    @property
    def estimate(self) -> float:
        """Mean imagined return."""
        return float(self.imagined.mean())

    @property
    def interval(self) -> Interval:
        """Of the estimate."""
        return bootstrap_interval(self.imagined)

    @property
    def value(self) -> float | None:
        """Mean real return."""
        return None if self.real is None else float(self.real.mean())

    @property
    def value_interval(self) -> Interval | None:
        """Of the value."""
        return None if self.real is None else bootstrap_interval(self.real)

    @property
    def whole_value(self) -> float | None:
        """Mean return of whole real episodes."""
        return None if self.whole is None else float(self.whole.mean())

    def to_json(self) -> dict[str, Any]:
        """Everything, single returns included."""
        return {
            "policy": self.name,
            "estimate": self.estimate,
            "interval": list(self.interval),
            "value": self.value,
            "value_interval": None if self.value_interval is None else list(self.value_interval),
            "whole_value": self.whole_value,
            "imagined_returns": self.imagined.tolist(),
            "real_returns": None if self.real is None else self.real.tolist(),
            "whole_returns": None if self.whole is None else self.whole.tolist(),
        }

    def __repr__(self) -> str:
        return f"PolicyValue({self.name!r}, estimate={self.estimate:.4g}, value={self.value})"
