"""The belief algebra: factorised Gaussians, conditioning and marginalisation as pure functions."""

from mbrl_mts3.gaussian.condition import condition
from mbrl_mts3.gaussian.dense_map import DenseMap, covariance_weight
from mbrl_mts3.gaussian.diagonal_map import DiagonalMap
from mbrl_mts3.gaussian.evidence import Evidence, aggregate
from mbrl_mts3.gaussian.factorised import FactorisedGaussian
from mbrl_mts3.gaussian.likelihood import negative_log_likelihood, observation_log_likelihood
from mbrl_mts3.gaussian.linear_map import LinearMap
from mbrl_mts3.gaussian.marginalize import marginalize, noise_belief
from mbrl_mts3.gaussian.mixed_map import MixedMap
from mbrl_mts3.gaussian.shared_cause import SharedCovariance, SharedMaps, shared_condition

__all__ = [
    "DenseMap",
    "DiagonalMap",
    "Evidence",
    "FactorisedGaussian",
    "LinearMap",
    "MixedMap",
    "SharedCovariance",
    "SharedMaps",
    "aggregate",
    "condition",
    "covariance_weight",
    "marginalize",
    "negative_log_likelihood",
    "noise_belief",
    "observation_log_likelihood",
    "shared_condition",
]
