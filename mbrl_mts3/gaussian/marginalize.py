"""Prediction: the belief of a sum of linearly mapped, independent causes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.factorised import FactorisedGaussian
from mbrl_mts3.gaussian.linear_map import LinearMap


def marginalize(
    causes: Sequence[tuple[LinearMap, FactorisedGaussian]],
    noise: Float[Tensor, two_n],
    offset: Float[Tensor, "*batch two_n"] | None = None,
) -> FactorisedGaussian:
    """The belief of x' = sum_i F_i x_i + offset + eps, eps ~ N(0, diag noise), for independent causes x_i.

        mean' = sum_i F_i mean_i + offset        Pi[cov'] = sum_i M_{F_i} c_i + [noise; 0]

    (MTS3, arXiv 2310.18534, equations of the predict step; c and M_F as in `LinearMap`.)

    Args:
        causes: at least one map with the belief that it acts on; batch shapes broadcast.
        noise: (2n,) variances of the process noise, positive.
        offset: (..., 2n) known input without variance, for example b(a).
    """
    effects = [linear_map.apply(belief) for linear_map, belief in causes]
    total = reduce(add, effects) + noise_belief(noise)
    return total if offset is None else FactorisedGaussian(total.mean + offset, total.covariance)


def noise_belief(noise: Float[Tensor, two_n]) -> FactorisedGaussian:
    """Process noise as a belief of its own: zero mean, variances `noise` (2n,), no side covariance."""
    return FactorisedGaussian(torch.zeros_like(noise), torch.cat([noise, torch.zeros_like(noise[: len(noise) // 2])]))
