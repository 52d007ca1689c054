"""Bayes' rule for observations of the upper half."""

from __future__ import annotations

import torch

from mbrl_mts3.gaussian.evidence import Evidence
from mbrl_mts3.gaussian.factorised import FactorisedGaussian


def condition(prior: FactorisedGaussian, evidence: Evidence) -> FactorisedGaussian:
    """The posterior given evidence (p, h) on the upper half: one formula for one observation, a set, and masks.

        d = 1 + p s_u        s_u' = s_u / d      s_s' = s_s / d      s_l' = s_l - p s_s^2 / d
        r = h - p mu_u       mu_u' = mu_u + s_u' r                   mu_l' = mu_l + s_s' r

    Equal to the Kalman update with H = [I 0] (RKN, arXiv 1905.07357) and to its batch form over a set (HiP-RSSM,
    arXiv 2206.14697; MTS3, arXiv 2310.18534), written in sums so that sets can be taken in one by one. p = 0 is
    exactly the identity; nothing is inverted.

    Args:
        prior: n latents, any batch shape.
        evidence: (..., n), of a batch shape that broadcasts with the prior's.
    """
    n = prior.latent_dim
    p = evidence.precision
    s_u, s_l, s_s = prior.parts
    inverse = (1 + p * s_u).reciprocal()
    scaled = prior.covariance * torch.cat([inverse, inverse, inverse], dim=-1)
    upper, side = scaled[..., :n], scaled[..., 2 * n :]
    lower = s_l - p * s_s * side
    residual = evidence.information - p * prior.mean[..., :n]
    gain = torch.cat([upper, side], dim=-1)
    mean = prior.mean + gain * torch.cat([residual, residual], dim=-1)
    return FactorisedGaussian(mean, torch.cat([upper, lower, side], dim=-1))
