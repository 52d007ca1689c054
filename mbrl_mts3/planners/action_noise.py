"""Gaussian noise that is correlated in time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator] | None
"""The source of randomness: one for all problems of a batch, or one for each."""


def coloured_noise(
    shape: tuple[int, ...],
    exponent: float,
    generator: Generators = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Sample noise whose power spectrum falls as 1 / frequency^exponent along the last dimension.

    An exponent of 0 is white, 1 pink, 2 brown noise. Every entry is standard normal for each exponent; a larger
    exponent correlates neighbouring steps more. Frequency 0 gets the power of the lowest other one, so that the mean of
    a sequence may differ from 0.

    Spectral synthesis of Timmer and Koenig (1995), as the coloured actions of iCEM (Pinneri et al., 2020).

    Args:
        shape: (..., L), L the number of steps.
        exponent: of the spectrum, at least 0.
        generator: its device is the device of the noise. With several of them noise is drawn from each, (B, *shape).
    """
    if isinstance(generator, Sequence):
        return torch.stack([coloured_noise(shape, exponent, one, dtype) for one in generator])
    length = shape[-1]
    device = generator.device if generator is not None else torch.device("cpu")
    if 0 in shape:
        return torch.zeros(shape, dtype=dtype, device=device)
    amplitudes = _amplitudes(length, exponent).to(device, dtype)
    parts = torch.randn((*shape[:-1], len(amplitudes), 2), generator=generator, dtype=dtype, device=device)
    noise: Tensor = torch.fft.irfft(torch.view_as_complex(parts) * amplitudes, n=length, norm="forward")
    return noise


def coloured_covariance(length: int, exponent: float) -> Tensor:
    """Covariance (L, L), float64, of what `coloured_noise` samples along its last dimension."""
    amplitudes = _amplitudes(length, exponent)
    one = torch.eye(len(amplitudes), dtype=torch.float64) * amplitudes
    # Each row is the response to one standard normal part; parts without a meaning respond with zeros.
    responses = torch.cat([torch.fft.irfft(part, n=length, norm="forward") for part in (one + 0j, one * 1j)])
    return responses.T @ responses


def _amplitudes(length: int, exponent: float) -> Tensor:
    """Standard deviation (L // 2 + 1,) of the real and of the imaginary part at each frequency."""
    frequencies = torch.fft.rfftfreq(length, dtype=torch.float64)
    frequencies[0] = 1.0 / length
    amplitudes = frequencies ** (-exponent / 2)
    # Frequency 0 and, for even lengths, the highest one are real: their single part carries the power of both.
    real = torch.zeros(len(amplitudes), dtype=torch.bool)
    real[0] = True
    real[-1] |= length % 2 == 0
    amplitudes[real] *= math.sqrt(2.0)
    # x_t = X_0 + 2 sum Re(X_k e^{i w t}) + X_{L/2}, hence the variance is the sum of these.
    variance = (torch.where(real, 1.0, 4.0) * amplitudes**2).sum()
    scaled: Tensor = amplitudes / variance.sqrt()
    return scaled
