"""Random hills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from mbrl_mts3.errors import ConfigurationError

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

# Shorter hills than this many samples would be drawn as steps.
_SAMPLES_PER_HILL = 8


@dataclass(frozen=True)
class HillyTerrain:
    """Heights of a square of ground around the origin; between its samples the ground is interpolated linearly."""

    heights: FloatArray
    """(n, n), in metres: row i lies at y = spacing (i - (n - 1) / 2), columns likewise along x."""
    spacing: float
    """Metres from sample to sample."""

    @classmethod
    def draw(
        cls, generator: np.random.Generator, samples: int, spacing: float, amplitude: float, wavelength: float
    ) -> HillyTerrain:
        """Smoothed noise: white noise, its Fourier transform multiplied by exp(-(wavelength |k|)^2 / 2), and scaled.

        That is a stationary, isotropic Gaussian field with a squared-exponential covariance. Opposite edges match.

        Args:
            generator: source of randomness.
            samples: along each side.
            spacing: metres from sample to sample.
            amplitude: the deepest valley lies this far below 0, the highest hill as far above, in metres.
            wavelength: typical distance from hill to hill, in metres.

        Raises:
            ConfigurationError: a negative amplitude, or hills too short for the spacing.
        """
        if amplitude < 0:
            raise ConfigurationError(f"the amplitude of the terrain needs to be at least 0 m, got {amplitude}")
        if wavelength < _SAMPLES_PER_HILL * spacing:
            raise ConfigurationError(
                f"hills every {wavelength} m are too short for ground sampled every {spacing} m: "
                f"the wavelength needs at least {_SAMPLES_PER_HILL * spacing} m"
            )
        frequency = np.hypot(np.fft.fftfreq(samples, spacing)[:, None], np.fft.rfftfreq(samples, spacing))
        noise = np.fft.rfft2(generator.standard_normal((samples, samples)))
        field = np.fft.irfft2(noise * np.exp(-0.5 * (wavelength * frequency) ** 2), s=(samples, samples))
        lowest, highest = field.min(), field.max()
        return cls((2 * (field - lowest) / (highest - lowest) - 1) * amplitude, spacing)

    def height(self, x: FloatArray | float, y: FloatArray | float) -> FloatArray:
        """Height of the ground in metres at positions of one shape; beyond the edge that of the edge."""
        middle = (len(self.heights) - 1) / 2
        places = np.stack([np.ravel(y), np.ravel(x)]) / self.spacing + middle
        return np.reshape(map_coordinates(self.heights, places, order=1, mode="nearest"), np.shape(x))
