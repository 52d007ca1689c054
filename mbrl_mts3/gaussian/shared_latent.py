"""Covariance of the state with a latent that several steps share, such as the slow latent of a cell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mbrl_mts3.gaussian.belief import FactorisedGaussian
from mbrl_mts3.gaussian.inference import Evidence
from mbrl_mts3.gaussian.linear_maps import matvec
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class SharedLatentCovariance(TensorRecord):
    """G = Cov(z, e), the covariance of the state with the standard normal e of a shared latent l = m + R e.

    Only the four diagonals are kept, which is the projection Pi of the joint covariance of (z, e) onto n 4x4
    blocks; it preserves validity. e has unit covariance whatever is later learned about l, so G stays consistent
    when the belief of l becomes more certain in the course of a window.
    """

    blocks: Float[Tensor, "*batch four_n"]
    """(..., 4n): [g_uu; g_ul; g_lu; g_ll], first index the state's half, second the half of e."""


def condition_shared(
    shared: SharedLatentCovariance, prior: FactorisedGaussian, evidence: Evidence
) -> SharedLatentCovariance:
    """Update of G when the state is conditioned on evidence: G' = (I - K [I 0]) G with the gain of `condition`."""
    upper, _, side = prior.parts
    weight = evidence.precision / (1 + evidence.precision * upper)
    g_uu, g_ul, g_lu, g_ll = shared.blocks.chunk(4, dim=-1)
    k_u, k_l = weight * upper, weight * side
    return SharedLatentCovariance(
        torch.cat([g_uu - k_u * g_uu, g_ul - k_u * g_ul, g_lu - k_l * g_uu, g_ll - k_l * g_ul], dim=-1)
    )


class SharedLatentMaps:
    """The terms that z' = A z + C l adds to the covariances because z already depends on l (own derivation).

    With X = G R^T = Cov(z, l):  Pi[cov'] gains Pi[A X C^T + C X^T A^T], and G' = Pi[A G + C R].
    """

    def __init__(self, transition: Float[Tensor, "rows columns"], cause: Float[Tensor, "rows columns"]) -> None:
        n = transition.shape[-1] // 2
        a = [[transition[:n, :n], transition[:n, n:]], [transition[n:, :n], transition[n:, n:]]]
        c = [[cause[:n, :n], cause[:n, n:]], [cause[n:, :n], cause[n:, n:]]]
        pairs = [(i, j) for i in range(2) for j in range(2)]
        upper = [2 * a[0][i] * c[0][j] for i, j in pairs]
        lower = [2 * a[1][i] * c[1][j] for i, j in pairs]
        side = [a[0][i] * c[1][j] + a[1][i] * c[0][j] for i, j in pairs]
        self.covariance_weight = torch.cat([torch.cat(row, dim=-1) for row in (upper, lower, side)], dim=-2)
        self._a = [[block.diagonal() for block in row] for row in a]
        self._c = [[block.diagonal() for block in row] for row in c]

    def covariance_gain(
        self, shared: SharedLatentCovariance, cause: FactorisedGaussian
    ) -> Float[Tensor, "*batch three_n"]:
        """The term of the state's covariance: Pi[A X C^T + C X^T A^T], packed (..., 3n)."""
        r_uu, r_lu, r_ll = cause.cholesky()
        g_uu, g_ul, g_lu, g_ll = shared.blocks.chunk(4, dim=-1)
        x = torch.cat([g_uu * r_uu, g_uu * r_lu + g_ul * r_ll, g_lu * r_uu, g_lu * r_lu + g_ll * r_ll], dim=-1)
        return matvec(self.covariance_weight, x)

    def advance(self, shared: SharedLatentCovariance, cause: FactorisedGaussian) -> SharedLatentCovariance:
        """The covariance with the shared latent one step later: G' = Pi[A G + C R]."""
        r_uu, r_lu, r_ll = cause.cholesky()
        g = [[shared.blocks.chunk(4, dim=-1)[2 * i + j] for j in range(2)] for i in range(2)]
        r = [[r_uu, torch.zeros_like(r_uu)], [r_lu, r_ll]]
        moved = [
            sum((self._a[i][k] * g[k][j] + self._c[i][k] * r[k][j] for k in range(2)), torch.zeros_like(r_uu))
            for i in range(2)
            for j in range(2)
        ]
        return SharedLatentCovariance(torch.cat(moved, dim=-1))
