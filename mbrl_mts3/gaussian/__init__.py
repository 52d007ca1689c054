"""Factorised Gaussian beliefs, with conditioning and marginalisation as pure functions."""

from mbrl_mts3.gaussian.belief import FactorisedGaussian, negative_log_likelihood
from mbrl_mts3.gaussian.inference import Evidence, aggregate, condition, marginalize, noise_belief
from mbrl_mts3.gaussian.linear_maps import DenseMap, DiagonalMap, LinearMap, covariance_weight
from mbrl_mts3.gaussian.locally_linear_map import LocallyLinearMap
from mbrl_mts3.gaussian.shared_latent import SharedLatentCovariance, SharedLatentMaps, condition_shared

__all__ = [
    "DenseMap",
    "DiagonalMap",
    "Evidence",
    "FactorisedGaussian",
    "LinearMap",
    "LocallyLinearMap",
    "SharedLatentCovariance",
    "SharedLatentMaps",
    "aggregate",
    "condition",
    "condition_shared",
    "covariance_weight",
    "marginalize",
    "negative_log_likelihood",
    "noise_belief",
]
