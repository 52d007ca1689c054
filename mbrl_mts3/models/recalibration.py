"""Corrections of predicted variances, by horizon."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class Recalibration(TensorRecord):
    """Factors that predicted variances are multiplied by; means stay as they are.

    Entry h - 1 is for predictions of the observation h steps after the last one that was seen; beyond the last entry
    the last one holds. A factor has no unit, so it serves normalised and physical units alike. Made by
    `fit_recalibration`, used by `RecalibratedModel`.
    """

    observation: Tensor
    """(H, obs), positive."""
    reward: Tensor | None = None
    """(H,), positive; None for a model without a reward head."""

    def __len__(self) -> int:
        """Number of horizons that have factors of their own."""
        return len(self.observation)

    def check(self, observation_dim: int, *, predict_reward: bool) -> None:
        """Raise ShapeError unless this fits a model of that kind and every factor is positive and finite."""
        reward = (len(self.observation),) if predict_reward else None
        found = None if self.reward is None else tuple(self.reward.shape)
        if self.observation.ndim != 2 or not len(self) or self.observation.shape[1] != observation_dim:
            raise ShapeError(
                f"a recalibration of {observation_dim} observations needs factors (horizons, {observation_dim}), "
                f"got {tuple(self.observation.shape)}"
            )
        if found != reward:
            raise ShapeError(f"a recalibration of this model needs reward factors of shape {reward}, got {found}")
        if not all(bool((torch.isfinite(factors) & (factors > 0)).all()) for factors in self.tensors()):
            raise ShapeError("a recalibration needs factors that are positive and finite")

    def at(self, horizons: Tensor) -> Recalibration:
        """The factors at each of `horizons`, integers from 1 of any shape: (..., obs) and (...)."""
        return self[(horizons - 1).clamp(0, len(self) - 1)]
