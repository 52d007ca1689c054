"""Errors of predicted rewards against true ones."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mbrl_mts3.errors import ShapeError


@dataclass(frozen=True)
class RewardErrors:
    """Errors of K predicted rewards against the data's, in units of reward where nothing else is said."""

    count: int
    """K."""
    rmse: float
    nrmse: float
    """The root mean squared error in units of the data's standard deviation; NaN where all rewards are equal."""
    bias: float
    """Mean of predicted less true: above 0 promises too much."""
    maximum: float
    """The largest absolute error."""
    correlation: float
    """Pearson's; NaN where either is constant."""

    @classmethod
    def from_rewards(cls, predicted: np.ndarray, true: np.ndarray) -> RewardErrors:
        """Compare arrays of one shape, K entries in all.

        Raises:
            ShapeError: of different shapes, or empty.
        """
        guess, truth = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
        if guess.shape != truth.shape or truth.size == 0:
            raise ShapeError(f"expected as many predicted rewards as true ones, got {guess.shape} and {truth.shape}")
        error = guess - truth
        rmse, spread = float(np.sqrt(np.square(error).mean())), float(truth.std())
        varied = np.ptp(truth) > 0 and np.ptp(guess) > 0
        return cls(
            count=truth.size,
            rmse=rmse,
            nrmse=rmse / spread if np.ptp(truth) > 0 else math.nan,
            bias=float(error.mean()),
            maximum=float(np.abs(error).max()),
            correlation=float(np.corrcoef(guess.ravel(), truth.ravel())[0, 1]) if varied else math.nan,
        )

    def to_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)
