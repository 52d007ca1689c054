"""A report of how several agents did, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mbrl_mts3.agents.evaluation import EvaluationResult
from mbrl_mts3.data.formats.reference_scores import ReferenceScores
from mbrl_mts3.metrics.confidence_intervals import bootstrap_interval, interquartile_mean

HEADER = ("agent", "where", "return", "IQM", "score", "success", "steps", "ms")

"""IQM: interquartile mean of the returns; ms: of the agent, by action."""


@dataclass(frozen=True)
class RolloutReport:
    """Rollouts with what normalises their returns.

    All intervals are of 95% confidence. Those of one agent are over its episodes, those of "all" over the agents, each
    standing for one run: the intervals to give for an algorithm that was trained with several seeds.
    """

    rollouts: tuple[RolloutResult, ...]
    reference: ReferenceScores | None = None

    def pooled(self) -> dict[str, np.ndarray]:
        """Mean returns of all agents by place, where there is more than one."""
        means: dict[str, list[float]] = {}
        for rollout in self.rollouts:
            means.setdefault(rollout.place, []).append(rollout.result.mean_return)
        return {place: np.array(values) for place, values in means.items() if len(values) > 1}

    def to_json(self) -> dict[str, Any]:
        """All but the recorded episodes."""
        reference = self.reference
        return {
            "reference": None
            if reference is None
            else {"low": reference.low, "high": reference.high, "source": reference.source},
            "rollouts": [
                {
                    "agent": rollout.agent,
                    "place": rollout.place,
                    "score": self._score(rollout.result.mean_return),
                    "score_bootstrap_interval": self._scores(bootstrap_interval(rollout.result.returns)),
                    **rollout.result.to_json(),
                }
                for rollout in self.rollouts
            ],
            "all": [
                {
                    "place": place,
                    "agents": len(means),
                    "mean_return": float(means.mean()),
                    "return_bootstrap_interval": list(bootstrap_interval(means)),
                    "interquartile_mean": float(interquartile_mean(means)),
                    "interquartile_mean_interval": list(bootstrap_interval(means, interquartile_mean)),
                    "score": self._score(float(means.mean())),
                    "score_bootstrap_interval": self._scores(bootstrap_interval(means)),
                }
                for place, means in self.pooled().items()
            ],
        }

    def table(self) -> list[list[str]]:
        """Cells under `HEADER`, one row for each rollout, and one for all agents of a place."""
        rows = [self._row(rollout) for rollout in self.rollouts]
        for place, means in self.pooled().items():
            rows.append([f"all {len(means)}", place, *self._returns(means), "", "", ""])
        return rows

    def _row(self, rollout: RolloutResult) -> list[str]:
        result = rollout.result
        success = ""
        if result.success_rate is not None and result.success_interval is not None:
            low, high = result.success_interval
            success = f"{result.success_rate:.0%} ({low:.0%} to {high:.0%})"
        return [
            rollout.agent,
            rollout.place,
            *self._returns(result.returns),
            success,
            f"{result.lengths.mean():.4g}",
            f"{result.seconds_per_action * 1e3:.2g}",
        ]

    def _returns(self, returns: np.ndarray) -> list[str]:
        score = "" if self.reference is None else f"{self._score(float(returns.mean())):.1f}"
        return [
            _with_interval(float(returns.mean()), bootstrap_interval(returns)),
            _with_interval(float(interquartile_mean(returns)), bootstrap_interval(returns, interquartile_mean)),
            score,
        ]

    def _score(self, value: float) -> float | None:
        return None if self.reference is None else float(self.reference.score(value))

    def _scores(self, values: Sequence[float]) -> list[float | None]:
        return [self._score(value) for value in values]


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{value:.4g}" if np.isnan(low) else f"{value:.4g} ({low:.4g} to {high:.4g})"


@dataclass(frozen=True)
class RolloutResult:
    """Episodes of one agent, in the real environment or in an imagined one."""

    agent: str
    place: Literal["real", "imagined"]
    result: EvaluationResult
