"""How a policy did in the real environment, as far as a report needs it."""

from __future__ import annotations

from dataclasses import dataclass

from mbrl_mts3.reporting.maze_rollout import MazeRollout


@dataclass(frozen=True, repr=False)
class ControlResult:
    """Success over episodes with random starts and goals."""

    name: str
    """Shown in figures, such as "MPC, shaped reward"."""
    description: str
    """One sentence for the reader: what this policy is."""
    success_rate: float
    success_interval: tuple[float, float]
    """95% confidence."""
    episodes: int
    mean_steps: float
    """Episode length; shorter where goals end an episode."""
    ms_per_action: float | None = None
    """None where no planning is done."""
    rollouts: tuple[MazeRollout, ...] = ()
