"""Sums of errors by horizon, from which every mean is taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from mbrl_mts3.metrics.calibration import interval_hits
from mbrl_mts3.metrics.crps import gaussian_crps
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class ErrorSums(TensorRecord):
    """Sums over sequences, in normalised units and float64; L horizons come first.

    A prediction that is NaN or infinite counts in full: its squared error, CRPS and NLL are infinite, it
    covers nothing, and `invalid` counts it. So no mean can hide it.
    """

    count: Tensor
    """(L,): sequences that reach this horizon."""
    squared: Tensor
    """(L, obs): squared errors."""
    crps: Tensor
    """(L, obs): continuous ranked probability scores; of point predictions, absolute errors."""
    invalid: Tensor
    """(L,): predictions with a mean that is not finite or a variance that is not finite and positive."""
    nll: Tensor | None = None
    """(L,): Gaussian negative log likelihood, summed over dimensions; None for point predictions."""
    hits: Tensor | None = None
    """(L, levels): targets inside the central interval, averaged over dimensions; None for point predictions."""

    @classmethod
    def of(cls, mean: Tensor, variance: Tensor | None, target: Tensor, levels: Tensor) -> Self:
        """Score predictions (B, L, obs) of targets (B, L, obs) at nominal `levels`."""
        mean, target, levels = mean.double(), target.double(), levels.double()
        squared = torch.nan_to_num((target - mean).square(), nan=math.inf, posinf=math.inf)
        usable = torch.isfinite(mean)
        count = torch.full((mean.shape[1],), mean.shape[0], dtype=torch.float64, device=mean.device)
        variance = None if variance is None else variance.double()
        if variance is not None:
            usable = usable & torch.isfinite(variance) & (variance > 0)
        crps = torch.where(usable, gaussian_crps(mean, variance, target), math.inf)
        if variance is None:
            return cls(count, squared.sum(0), crps.sum(0), _invalid(usable))
        nll = 0.5 * ((2.0 * math.pi * variance).log() + squared / variance).sum(-1)
        nll = torch.where(usable.all(-1), nll, math.inf)
        hits = interval_hits(mean, variance, target, levels).double().mean(dim=2).sum(dim=0)
        return cls(count, squared.sum(0), crps.sum(0), _invalid(usable), nll.sum(0), hits)

    def __add__(self, other: Self) -> Self:
        """Sums over the sequences of both; the shorter one has none at the horizons that it lacks."""
        longest = max(len(self.count), len(other.count))
        mine, theirs = self.pad(longest).tensors(), other.pad(longest).tensors()
        added = iter([a + b for a, b in zip(mine, theirs, strict=True)])
        return self.map(lambda _: next(added))

    def pad(self, horizon: int) -> Self:
        """Append horizons without any sequence, up to `horizon`."""
        return self.map(lambda t: pad(t, (0, 0) * (t.ndim - 1) + (0, horizon - len(t))))


def _invalid(usable: Tensor) -> Tensor:
    return (~usable.all(-1)).sum(0).double()
