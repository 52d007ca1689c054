"""Do predicted intervals hold as often as they claim?"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Nominal probabilities 0.05, 0.10, ..., 0.95; the reported ones are among them."""

REPORTED_LEVELS = (0.5, 0.8, 0.95)
"""Those that tables and figures show."""


def central_quantile(levels: Tensor) -> Tensor:
    """Half width, in standard deviations, of the central interval that holds each probability of a Gaussian."""
    quantile: Tensor = torch.special.ndtri((1.0 + levels) / 2.0)
    return quantile


def interval_hits(mean: Tensor, variance: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    """Whether each target lies in the central interval of each level: (...) -> bool (..., levels).

    A prediction that is NaN, or whose variance is not positive and finite, covers nothing.
    """
    usable = torch.isfinite(mean) & torch.isfinite(variance) & (variance > 0)
    deviation = (target - mean).abs() / torch.where(usable, variance, torch.ones_like(variance)).sqrt()
    return (deviation[..., None] <= central_quantile(levels)) & usable[..., None]


def coverage(mean: Tensor, variance: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    """Share of all targets inside the central interval of each level: (levels,)."""
    hits = interval_hits(mean, variance, target, levels)
    return hits.reshape(-1, len(levels)).to(torch.float64).mean(dim=0)


def expected_calibration_error(levels: Tensor, observed: Tensor) -> Tensor:
    """Mean distance |observed - nominal| over the levels: (..., levels) -> (...); 0 is perfect.

    Source: Kuleshov, Fenner and Ermon, "Accurate Uncertainties for Deep Learning Using Calibrated
    Regression", ICML 2018, with the absolute distance in place of its square.
    """
    return (observed - levels).abs().mean(dim=-1)
