"""Noise that is the same at every call."""

from __future__ import annotations

import torch
from torch import Tensor

NOISE_STEPS = 256
"""After so many steps the noise begins anew."""


def common_noise(particles: int, size: int) -> Tensor:
    """Common random numbers (NOISE_STEPS, particles, size) of a fixed seed, standard normal.

    Over the particles of a step they have mean 0 and variance 1 exactly, so that the moments of one step carry no
    sampling error. One particle alone has no noise.
    """
    if particles == 1:
        return torch.zeros(NOISE_STEPS, 1, size)
    noise = torch.randn(NOISE_STEPS, particles, size, generator=torch.Generator().manual_seed(0))
    variance, mean = torch.var_mean(noise, dim=1, correction=0, keepdim=True)
    return (noise - mean) * variance.rsqrt()
