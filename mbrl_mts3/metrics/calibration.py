"""Calibration of predicted intervals (coverage), and the CRPS."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEVELS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Nominal probabilities 0.05, 0.10, ..., 0.95; `REPORTED_LEVELS` are among them."""

REPORTED_LEVELS = (0.5, 0.8, 0.95)
"""Levels that tables and figures show."""


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


def gaussian_crps(mean: Tensor, variance: Tensor | None, target: Tensor) -> Tensor:
    """Continuous ranked probability score of Gaussian predictions, elementwise; lower is better.

        CRPS(N(m, s^2), y) = s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)),   z = (y - m) / s

    It is the integral over x of (P(Y <= x) - [y <= x])^2 and has the unit of y. For a prediction without a variance it
    is the absolute error, so that both kinds can be compared.

    Source: Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 2007.

    Args:
        mean, target: of the same shape.
        variance: of that shape, positive; None for a point prediction.
    """
    error = target - mean
    if variance is None:
        return error.abs()
    deviation = variance.sqrt()
    z = error / deviation
    density = (-0.5 * z.square()).exp() / math.sqrt(2.0 * math.pi)
    # 2 Phi(z) - 1
    central = torch.erf(z / math.sqrt(2.0))
    return deviation * (z * central + 2.0 * density - 1.0 / math.sqrt(math.pi))
