"""Errors of predicted rewards against true ones."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mbrl_mts3.errors import ShapeError


@dataclass(frozen=True)
class RewardErrors:
    """Errors of K predicted rewards against those of the data, in units of reward where not stated otherwise."""

    count: int
    """K."""
    rmse: float
    nrmse: float
    """Root mean squared error in units of the standard deviation of the true rewards; NaN where these are all equal."""
    bias: float
    """Mean of predicted less true rewards: above 0, predictions are too high."""
    maximum: float
    """The largest absolute error."""
    correlation: float
    """Pearson's correlation; NaN where either is constant."""

    @classmethod
    def from_rewards(cls, predicted: np.ndarray, true: np.ndarray) -> RewardErrors:
        """Compare arrays of one shape, K entries in all.

        Raises:
            ShapeError: the shapes differ, or the arrays are empty.
        """
        predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
        if predicted.shape != true.shape or true.size == 0:
            raise ShapeError(f"expected as many predicted rewards as true ones, got {predicted.shape} and {true.shape}")
        error = predicted - true
        rmse, spread = float(np.sqrt(np.square(error).mean())), float(true.std())
        varied = np.ptp(true) > 0 and np.ptp(predicted) > 0
        return cls(
            count=true.size,
            rmse=rmse,
            nrmse=rmse / spread if np.ptp(true) > 0 else math.nan,
            bias=float(error.mean()),
            maximum=float(np.abs(error).max()),
            correlation=float(np.corrcoef(predicted.ravel(), true.ravel())[0, 1]) if varied else math.nan,
        )

    def to_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)
