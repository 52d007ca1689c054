"""How an agent did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_mts3.agents.recorded_episode import RecordedEpisode
from mbrl_mts3.metrics.bootstrap import bootstrap_interval, interquartile_mean
from mbrl_mts3.metrics.intervals import Interval, mean_interval, wilson_interval


@dataclass(frozen=True, repr=False)
class EvaluationResult:
    """E episodes, one for each seed and in the order of the seeds."""

    seeds: tuple[int, ...]
    """Imagined episodes share one."""
    returns: np.ndarray
    """(E,): sums of the environment's rewards."""
    lengths: np.ndarray
    """(E,): steps."""
    successes: np.ndarray | None
    """(E,) bool: goal reached at any step; None where the task has no goal."""
    seconds_per_action: float
    """Time in the agent by actions made; environments that act together share it."""
    seconds_per_decision: float
    """Time of one call of `predict`, whatever number of environments it is for."""
    parallel: int
    """Environments that acted together at most."""
    episodes: tuple[RecordedEpisode, ...] = ()
    """The episodes themselves, if they were recorded."""

    @property
    def mean_return(self) -> float:
        return float(self.returns.mean())

    @property
    def return_interval(self) -> Interval:
        """95% confidence."""
        return mean_interval(self.returns)

    @property
    def interquartile_mean(self) -> float:
        """Of the returns, see `interquartile_mean`."""
        return float(interquartile_mean(self.returns))

    @property
    def success_rate(self) -> float | None:
        """None where the task has no goal."""
        return None if self.successes is None else float(self.successes.mean())

    @property
    def success_interval(self) -> Interval | None:
        """95% confidence (Wilson)."""
        if self.successes is None:
            return None
        return wilson_interval(int(self.successes.sum()), len(self.successes))

    def to_json(self) -> dict[str, Any]:
        """All but the recorded episodes."""
        return {
            "episodes": len(self.seeds),
            "seeds": list(self.seeds),
            "mean_return": self.mean_return,
            "return_interval": list(self.return_interval),
            "return_bootstrap_interval": list(bootstrap_interval(self.returns)),
            "interquartile_mean": self.interquartile_mean,
            "interquartile_mean_interval": list(bootstrap_interval(self.returns, interquartile_mean)),
            "success_rate": self.success_rate,
            "success_interval": None if self.success_interval is None else list(self.success_interval),
            "ms_per_action": self.seconds_per_action * 1e3,
            "ms_per_decision": self.seconds_per_decision * 1e3,
            "parallel": self.parallel,
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
            "successes": None if self.successes is None else self.successes.tolist(),
        }

    def __repr__(self) -> str:
        return (
            f"EvaluationResult(episodes={len(self.seeds)}, mean_return={self.mean_return:.4g}, "
            f"success_rate={self.success_rate}, ms_per_action={self.seconds_per_action * 1e3:.3g})"
        )
