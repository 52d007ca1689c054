"""Gaussian likelihoods."""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.factorised import FactorisedGaussian


def negative_log_likelihood(
    mean: Float[Tensor, "*shape"], variance: Float[Tensor, "*shape"], target: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """-log N(target; mean, variance) of each scalar, in nats, constant included."""
    return 0.5 * ((target - mean).square() / variance + variance.log() + math.log(2 * math.pi))


def observation_log_likelihood(
    belief: FactorisedGaussian, value: Float[Tensor, "*batch n"], variance: Float[Tensor, "*batch n"]
) -> Float[Tensor, "*batch"]:
    """log p(w) of one latent observation w ~ N(upper, variance) under a belief: sum_i log N(w_i; mu_u, s_u + v)."""
    upper = belief.parts[0]
    return -negative_log_likelihood(belief.mean[..., : belief.latent_dim], upper + variance, value).sum(dim=-1)
