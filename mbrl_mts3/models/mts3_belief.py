"""What MTS3 knows at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian, SharedCovariance
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class LevelBelief(TensorRecord):
    """One slow level inside its current cell k, of batch size B."""

    state: FactorisedGaussian
    """Belief of the latent of the last complete cell, x_{k-1}, everything observed in it taken in."""
    observed: Evidence
    """(B, n): sums over the observations of cell k so far."""
    acted: Evidence
    """(B, 2n): sums over the executed actions of cell k so far."""


@dataclass(frozen=True, repr=False)
class MTS3Belief(TensorRecord):
    """The belief at step t, of batch size B; elements may be at different steps of different episodes."""

    fast: FactorisedGaussian
    """Belief of z_t."""
    levels: tuple[LevelBelief, ...]
    """The slow levels, the fastest of them first."""
    step: Tensor
    """(B,) int64: t, the number of actions executed since the start."""
    reference: Tensor | None = None
    """(B, obs): o_t as observed, else as predicted; kept by models that predict differences."""
    shared: SharedCovariance | None = None
    """Covariance of z_t with the slow latent of the running cell; kept where that is treated exactly."""
