"""What one agent did in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mbrl_mts3.agents.evaluation_result import EvaluationResult


@dataclass(frozen=True)
class Rollout:
    """Episodes of one agent, in the real environment or in an imagined one."""

    agent: str
    place: Literal["real", "imagined"]
    result: EvaluationResult
