"""Beliefs of MTS3 and HiP-RSSM at one time step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.gaussian import Evidence, FactorisedGaussian, SharedLatentCovariance
from mbrl_mts3.models.changes import LastObservation
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class LevelBelief(TensorRecord):
    """Belief of one slow level inside its current cell k, of batch size B."""

    state: FactorisedGaussian
    """Belief of the latent of the last complete cell, x_{k-1}, given everything observed in it."""
    observed: Evidence
    """(B, n): sums over the observations of cell k so far."""
    acted: Evidence
    """(B, 2n): sums over the executed actions of cell k so far."""


@dataclass(frozen=True, repr=False, kw_only=True)
class FastLevelBelief(TensorRecord):
    """The belief at step t, of batch size B; elements may be at different steps of different episodes."""

    fast: FactorisedGaussian
    """Belief of z_t."""
    step: Tensor
    """(B,) int64: t, the number of actions executed since the start."""
    reference: Tensor | None = None
    """(B, obs): o_t as observed, else as predicted; kept unless the target is absolute."""
    last: LastObservation | None = None
    """Kept by models whose encoders see changes."""


@dataclass(frozen=True, repr=False, kw_only=True)
class MTS3Belief(FastLevelBelief):
    """The belief of MTS3: of the fast level, and of the slow ones."""

    levels: tuple[LevelBelief, ...]
    """The slow levels, the fastest of them first."""
    shared: SharedLatentCovariance | None = None
    """Covariance of z_t with the slow latent of the running cell; kept where that is treated exactly."""


@dataclass(frozen=True, repr=False)
class TaskBelief(TensorRecord):
    """Evidence of the latent task up to step t, and the parts of the next triple, of batch size B."""

    evidence: Evidence
    """(B, 2n): sums over the triples that are complete."""
    origin: Tensor
    """(B, obs + act): [o_{t-1}; a_{t-1}], where the triple begins that o_t completes; o_{t-1} is zero if masked."""
    origin_shown: Tensor
    """(B,) bool: whether the belief was updated with o_{t-1}; False at step 0."""
    observation: Tensor
    """(B, obs): o_t once the belief is updated with it, else zero."""
    shown: Tensor
    """(B,) bool: whether the belief is updated with o_t."""


@dataclass(frozen=True, repr=False, kw_only=True)
class HiPRSSMBelief(FastLevelBelief):
    """The belief of HiP-RSSM: of the fast level, and of the task."""

    task: TaskBelief
    """Evidence of the latent task l."""
