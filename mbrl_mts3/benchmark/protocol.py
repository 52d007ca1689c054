"""The evaluation protocol that all models of a comparison share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import (
    ImputationResult,
    OpenLoopResult,
    check_lengths,
    evaluate_imputation,
    evaluate_open_loop,
    window_starts,
)
from mbrl_mts3.models.base import WorldModel


@dataclass(frozen=True)
class EvaluationProtocol:
    """Open-loop evaluation and, with an `imputation_rate`, the imputation test; the same for all models.

    Args:
        context: observed steps before the first predicted one.
        horizon: open-loop steps; None takes as many as the longest episode allows, at most `longest`.
        longest: see `horizon`.
        stride: steps from one window's start to the next; None takes a quarter of the horizon.
        max_windows: windows to score, evenly spread over all; None scores all.
        sliding_window, sliding_stride: open-loop steps of a sliding window, and from one window to the next.
        imputation_rate: probability that an observation is missing in the imputation test; None leaves the test out.
        batch_size: windows predicted at once; changes the speed only.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    context: int = 30
    horizon: int | None = None
    longest: int = 330
    stride: int | None = None
    max_windows: int | None = 2000
    sliding_window: int = 15
    sliding_stride: int = 15
    imputation_rate: float | None = None
    batch_size: int = 256

    def __post_init__(self) -> None:
        for name in (
            "context",
            "horizon",
            "longest",
            "stride",
            "max_windows",
            "sliding_window",
            "sliding_stride",
            "batch_size",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationError(f"evaluation.{name}={value}: expected at least 1")
        if self.imputation_rate is not None and not 0 < self.imputation_rate < 1:
            raise ConfigurationError(
                f"evaluation.imputation_rate={self.imputation_rate}: expected more than 0 and less than 1, or null"
            )

    def fitted(self, episodes: Sequence[Episode]) -> EvaluationProtocol:
        """The protocol with its horizon chosen for `episodes`; raises before any work where it does not fit them.

        Raises:
            EpisodeTooShortError: no episode reaches the last horizon.
            ConfigurationError: the sliding windows do not fit the horizon.
        """
        room = max((len(episode) for episode in episodes), default=0) - self.context + 1
        horizon = self.horizon if self.horizon is not None else max(1, min(self.longest, room))
        check_lengths(episodes, self.context, horizon)
        sliding = min(self.sliding_window, horizon)
        window_starts(horizon, sliding, self.sliding_stride)
        return replace(self, horizon=horizon, sliding_window=sliding)

    def evaluate(self, model: WorldModel, normalizer: Normalizer, episodes: Sequence[Episode]) -> OpenLoopResult:
        """Score open-loop predictions of `episodes`, in physical units; see `evaluate_open_loop`."""
        return evaluate_open_loop(model, normalizer, episodes, stride=self.stride, **self._windows(episodes))

    def impute(self, model: WorldModel, normalizer: Normalizer, episodes: Sequence[Episode]) -> ImputationResult | None:
        """Run the imputation test; see `evaluate_imputation`. None without an `imputation_rate`."""
        if self.imputation_rate is None:
            return None
        return evaluate_imputation(model, normalizer, episodes, rate=self.imputation_rate, **self._windows(episodes))

    def _windows(self, episodes: Sequence[Episode]) -> dict[str, Any]:
        """The arguments that both tests have in common."""
        fitted = self.fitted(episodes)
        return {name: getattr(fitted, name) for name in ("context", "horizon", "batch_size", "max_windows")}
