"""Independent oracles: dense float64 algebra in NumPy, sharing no code with the package."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from beliefs import belief_of_parts

from mbrl_mts3.gaussian import FactorisedGaussian

Belief = Callable[..., FactorisedGaussian]
Array = np.ndarray


@pytest.fixture(scope="session")
def random_belief() -> Belief:
    """Builds random valid beliefs of any batch shape."""

    def build(
        rng: np.random.Generator, n: int, batch: tuple[int, ...] = (), dtype: torch.dtype = torch.float64
    ) -> FactorisedGaussian:
        upper, lower = rng.gamma(1.0, 2.0, (2, *batch, n)) + 0.01
        side = rng.uniform(-0.99, 0.99, (*batch, n)) * np.sqrt(upper * lower)
        mean = rng.normal(size=(*batch, 2 * n)) * 3
        parts = (torch.tensor(part, dtype=dtype) for part in (mean, upper, lower, side))
        return belief_of_parts(*parts)

    return build


@pytest.fixture(scope="session")
def dense() -> Callable[[FactorisedGaussian], tuple[Array, Array]]:
    """Mean and full covariance matrix of an unbatched belief."""

    def convert(belief: FactorisedGaussian) -> tuple[Array, Array]:
        s_u, s_l, s_s = np.split(belief.covariance.detach().double().numpy(), 3)
        matrix = np.block([[np.diag(s_u), np.diag(s_s)], [np.diag(s_s), np.diag(s_l)]])
        return belief.mean.detach().double().numpy(), matrix

    return convert


@pytest.fixture(scope="session")
def projected() -> Callable[[Array], Array]:
    """Pi: a full covariance matrix's block diagonals, packed [s_u; s_l; s_s]."""

    def project(matrix: Array) -> Array:
        n = len(matrix) // 2
        return np.concatenate([np.diag(matrix[:n, :n]), np.diag(matrix[n:, n:]), np.diag(matrix[:n, n:])])

    return project


@pytest.fixture(scope="session")
def kalman_update() -> Callable[..., tuple[Array, Array]]:
    """The textbook update, one observation after the other, with matrix inverses."""

    def update(mean: Array, cov: Array, values: Array, variances: Array, mask: Array) -> tuple[Array, Array]:
        n = len(mean) // 2
        observe = np.hstack([np.eye(n), np.zeros((n, n))])
        for value, variance, shown in zip(values, variances, mask, strict=True):
            if shown:
                innovation = observe @ cov @ observe.T + np.diag(variance)
                gain = cov @ observe.T @ np.linalg.inv(innovation)
                mean = mean + gain @ (value - observe @ mean)
                cov = (np.eye(2 * n) - gain @ observe) @ cov
        return mean, cov

    return update
