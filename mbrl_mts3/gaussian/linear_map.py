"""Linear maps between latents, with the map they induce on factorised covariances."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.factorised import FactorisedGaussian


class LinearMap(ABC):
    """x -> F x on latents of n 2x2 blocks: moves the mean by F and projects F S F^T back onto the family.

    Built once per forward pass; the covariance recursion is linear, so its matrix is built once too.
    """

    @abstractmethod
    def apply(self, belief: FactorisedGaussian) -> FactorisedGaussian:
        """The belief of F x: mean F m, covariance Pi[F S F^T], where Pi keeps the diagonals of the four blocks."""

    @abstractmethod
    def apply_mean(self, mean: Float[Tensor, "*batch columns"]) -> Float[Tensor, "*batch rows"]:
        """F m alone, for states that are known exactly."""

    @abstractmethod
    def to_dense(self) -> Float[Tensor, "*batch rows columns"]:
        """F as a (..., 2n, 2n) matrix."""
