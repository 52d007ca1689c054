"""What moves the fast level of a Kalman model, built once per call."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.gaussian import DenseMap, FactorisedGaussian, LinearMap


@dataclass(frozen=True)
class FastMaps:
    """A, C and the process noise of z' = A z + b(a) + C x + eps."""

    transition: LinearMap
    cause: DenseMap | None
    noise: FactorisedGaussian

    def drive(
        self, batch: tuple[int, ...], control: Tensor | None = None, cause: FactorisedGaussian | None = None
    ) -> FactorisedGaussian:
        """b(a) + C x + eps: all that enters the fast level but its predecessor; batched over time too, if asked.

        Args:
            batch: (B,) or (B, T).
            control: (*batch, 2n), b(a); None for a level without actions.
            cause: belief of x, of that batch shape.
        """
        total = self.noise.map(lambda tensor: tensor.expand(*batch, tensor.shape[-1]))
        if self.cause is not None and cause is not None:
            total = self.cause.apply(cause) + total
        return total if control is None else FactorisedGaussian(total.mean + control, total.covariance)

    def drive_mean(self, like: Tensor, control: Tensor | None = None, cause: Tensor | None = None) -> Tensor:
        """The mean of `drive` alone, of the shape of `like` (*batch, 2n), from the cause's mean."""
        total = like.new_zeros(like.shape) if control is None else control
        return total if self.cause is None or cause is None else total + self.cause.apply_mean(cause)
