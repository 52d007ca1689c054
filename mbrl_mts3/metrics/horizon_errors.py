"""Errors by horizon, ready to be printed, drawn or written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.error_sums import ErrorSums
from mbrl_mts3.metrics.json_numbers import json_numbers
from mbrl_mts3.metrics.sliding_window import sliding_mean, window_starts


@dataclass(frozen=True)
class HorizonErrors:
    """Errors of one predictor; entry h - 1 speaks of the forecast h steps ahead. float64, on the CPU."""

    count: Tensor
    """(L,): sequences that reach this horizon."""
    nrmse: Tensor
    """(L,): root of the mean squared error over sequences and dimensions, normalised units."""
    rmse: Tensor
    """(L,): the same in original units, whatever these are: dimensions of different units mix."""
    rmse_by_dimension: Tensor
    """(L, obs): root mean squared error of each dimension in its own unit."""
    crps: Tensor
    """(L,): continuous ranked probability score, mean over sequences and dimensions, normalised units; the mean
    absolute error where there is no variance."""
    invalid: Tensor
    """(L,): predictions that were not finite or had no positive variance; where not 0, the means are infinite."""
    nll: Tensor | None
    """(L,): negative log likelihood in nats, normalised units, summed over dimensions; None without a variance."""
    nll_original: Tensor | None
    """(L,): the same of the density in original units."""
    coverage: Tensor | None
    """(L, levels): share of targets inside the central intervals, over all dimensions."""
    levels: Tensor
    """(levels,): nominal probabilities of these intervals."""

    @classmethod
    def from_sums(cls, sums: ErrorSums, scale: Tensor, levels: Tensor) -> Self:
        """Means of `sums`; `scale` (obs,) is the original unit's size of one normalised unit."""
        sums, scale, levels = sums.to("cpu"), scale.double().cpu(), levels.double().cpu()
        by_dimension = (sums.squared / sums.count[:, None]).sqrt()
        nll = None if sums.nll is None else sums.nll / sums.count
        return cls(
            count=sums.count,
            nrmse=by_dimension.square().mean(-1).sqrt(),
            rmse=(by_dimension * scale).square().mean(-1).sqrt(),
            rmse_by_dimension=by_dimension * scale,
            crps=(sums.crps / sums.count[:, None]).mean(-1),
            invalid=sums.invalid,
            nll=nll,
            nll_original=None if nll is None else nll + scale.log().sum(),
            coverage=None if sums.hits is None else sums.hits / sums.count[:, None],
            levels=levels,
        )

    def __len__(self) -> int:
        """Number of horizons."""
        return len(self.count)

    def coverage_at(self, level: float) -> Tensor:
        """Observed coverage (L,) of the interval with nominal probability `level`.

        Raises:
            ConfigurationError: that level was not measured.
        """
        match = (self.levels - level).abs() < 1e-9
        if self.coverage is None or not bool(match.any()):
            raise ConfigurationError(f"no coverage at {level}: measured are {self.levels.tolist()} or none at all")
        return self.coverage[:, int(match.nonzero()[0])]

    def coverage_error(self, level: float) -> Tensor:
        """Observed minus nominal coverage (L,): below 0 the model is too sure of itself, above 0 too cautious.

        Raises:
            ConfigurationError: that level was not measured.
        """
        return self.coverage_at(level) - level

    def sliding(self, window: int, stride: int) -> dict[str, Tensor]:
        """Errors over sliding windows of blind steps, the last one ending at the last step.

        Returns:
            `first_horizon` (1 is one step ahead) and, per window, `rmse`, `nrmse`, `crps` and, where known, `nll`.
        """
        starts = torch.as_tensor(window_starts(len(self), window, stride)) + 1
        means = {
            "rmse": sliding_mean(self.rmse.square(), self.count, window, stride).sqrt(),
            "nrmse": sliding_mean(self.nrmse.square(), self.count, window, stride).sqrt(),
            "crps": sliding_mean(self.crps, self.count, window, stride),
        }
        if self.nll is not None:
            means["nll"] = sliding_mean(self.nll, self.count, window, stride)
        return {"first_horizon": starts, **means}

    def to_json(self) -> dict[str, Any]:
        """Plain lists by field, and `coverage_error` by level; what is not finite becomes null (`invalid` says why)."""
        fields = {name: None if value is None else json_numbers(value) for name, value in vars(self).items()}
        return {**fields, "coverage_error": json_numbers(self._coverage_errors())}

    def _coverage_errors(self) -> dict[str, Tensor] | None:
        """Of those reported levels that were measured."""
        if self.coverage is None:
            return None
        measured = [level for level in REPORTED_LEVELS if bool(((self.levels - level).abs() < 1e-9).any())]
        return {str(level): self.coverage_error(level) for level in measured}
