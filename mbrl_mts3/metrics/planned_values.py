"""Values that plans promised against those of what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats


@dataclass(frozen=True, repr=False)
class PlannedValues:
    """Values of plans, and of what really came in the same steps, in units of the planned reward."""

    horizon: int
    """Steps of a plan."""
    stride: int
    """From one decision that is compared to the next."""
    decisions: int
    """All that were made."""
    planned: np.ndarray
    """(n,): value of each plan that is compared."""
    realised: np.ndarray
    """(n,)."""

    @property
    def rank_correlation(self) -> float | None:
        """Spearman's; None where there are fewer than three plans, or all are worth the same."""
        if len(self.planned) < 3 or not (np.ptp(self.planned) and np.ptp(self.realised)):
            return None
        return float(stats.spearmanr(self.planned, self.realised).statistic)

    @property
    def share_too_high(self) -> float | None:
        """Share of the plans that promised more than came; None without plans."""
        return float((self.planned > self.realised).mean()) if len(self.planned) else None

    def to_json(self) -> dict[str, Any]:
        """All numbers; means are None without plans."""
        means = (self.planned.mean(), self.realised.mean()) if len(self.planned) else (None, None)
        return {
            "horizon": self.horizon,
            "stride": self.stride,
            "decisions": self.decisions,
            "compared": len(self.planned),
            "mean_planned": means[0],
            "mean_realised": means[1],
            "share_planned_above_realised": self.share_too_high,
            "rank_correlation": self.rank_correlation,
            "planned": self.planned.tolist(),
            "realised": self.realised.tolist(),
        }
