"""All that the demo's report and summary are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_mts3.metrics.blind_window import BlindWindow
from mbrl_mts3.metrics.json_numbers import json_numbers
from mbrl_mts3.metrics.open_loop_result import OpenLoopResult
from mbrl_mts3.reporting.control_result import ControlResult
from mbrl_mts3.reporting.maze_layout import MazeLayout


@dataclass(frozen=True, repr=False)
class DemoResults:
    """Plain data; knows no environment and no agent."""

    environment_id: str
    dataset_id: str
    content_hash: str
    """Of the data set."""
    dataset_episodes: int
    dataset_steps: int
    parameters: int
    """Trainable numbers of the model."""
    max_steps: int
    """Steps in which a goal must be reached."""
    observation_names: tuple[str, ...]
    open_loop: OpenLoopResult
    """On the test episodes."""
    window: BlindWindow
    """The typical test window."""
    maze: MazeLayout
    shaped: ControlResult
    """MPC with the reward from the shortest path."""
    straight: ControlResult
    """MPC with the reward from the straight distance."""
    random: ControlResult
    rollout: BlindWindow
    """Of one episode of `shaped`; dimensions 0 and 1 are x and y in metres."""
    rollout_goal: np.ndarray
    """(2,)."""
    seconds: Mapping[str, float]
    """By stage, in order."""

    @property
    def policies(self) -> tuple[ControlResult, ...]:
        return self.shaped, self.straight, self.random

    def summary(self) -> dict[str, Any]:
        """The numbers of summary.json."""
        result, mean = self.open_loop, self.open_loop.training_mean.nrmse
        coverage = result.model.coverage_at(0.95)
        horizons = result.horizons()
        summary = {
            "dataset_id": self.dataset_id,
            "content_hash": self.content_hash,
            "model": {
                "nrmse": {h: float(result.model.nrmse[h - 1]) for h in horizons},
                "nrmse_persistence": {h: float(result.persistence.nrmse[h - 1]) for h in horizons},
                "nrmse_training_mean": {h: float(mean[h - 1]) for h in horizons},
                "coverage95": {h: float(coverage[h - 1]) for h in horizons},
            },
            "mpc": _control(self.shaped),
            "mpc_straight": _control(self.straight),
            "random": _control(self.random),
            "seconds": {stage: round(seconds, 1) for stage, seconds in self.seconds.items()},
        }
        plain: dict[str, Any] = json_numbers(summary)
        return plain


def _control(result: ControlResult) -> dict[str, Any]:
    return {
        "success_rate": result.success_rate,
        "success_interval": list(result.success_interval),
        "episodes": result.episodes,
        "ms_per_action": result.ms_per_action,
    }
