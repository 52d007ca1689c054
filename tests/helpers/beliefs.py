"""Builds factorised beliefs of their parts, and checks that their covariances are valid."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_mts3.gaussian import FactorisedGaussian


def belief_of_parts(mean: Tensor, upper: Tensor, lower: Tensor, side: Tensor) -> FactorisedGaussian:
    """A belief of mean (..., 2n) and the three covariance vectors (..., n)."""
    return FactorisedGaussian(mean, torch.cat([upper, lower, side], dim=-1))


def is_valid(belief: FactorisedGaussian, tolerance: float = 0.0) -> Tensor:
    """Whether the covariance is positive semi-definite (...), up to a relative tolerance on s_s^2 <= s_u s_l."""
    upper, lower, side = belief.parts
    positive = (upper > 0) & (lower > 0)
    return (positive & (side.square() <= upper * lower * (1 + tolerance))).all(dim=-1)
