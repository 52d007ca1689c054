"""A proper score in the unit of what is predicted."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gaussian_crps(mean: Tensor, variance: Tensor | None, target: Tensor) -> Tensor:
    """Continuous ranked probability score of Gaussian predictions, elementwise; lower is better.

        CRPS(N(m, s^2), y) = s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)),   z = (y - m) / s

    It is the integral over x of (P(Y <= x) - [y <= x])^2 and has the unit of y. Of a prediction without variance it
    is the absolute error, so both kinds can be compared.

    Source: Gneiting and Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 2007.

    Args:
        mean, target: of one shape.
        variance: of the same shape, positive; None for a prediction that is a point.
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
