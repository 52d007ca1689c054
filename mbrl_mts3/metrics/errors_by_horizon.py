"""Errors of open-loop predictions by horizon: means, quantiles and trimmed means, and over sliding windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy.stats import trim_mean
from torch import Tensor
from torch.nn.functional import pad

from mbrl_mts3.data.windows import WindowBatch
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import to_jsonable
from mbrl_mts3.metrics.calibration import REPORTED_LEVELS, gaussian_crps, interval_hits
from mbrl_mts3.metrics.open_loop_prediction import predict_open_loop_no_grad
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.predictions import Prediction
from mbrl_mts3.tensor_record import RecordT, TensorRecord


@dataclass(frozen=True, repr=False)
class DensitySums(TensorRecord):
    """Scores over sequences of predicted densities; the first dimension is the horizon."""

    nll: Tensor
    """(L,): Gaussian negative log likelihood, summed over dimensions."""
    nll_by_sequence: Tensor
    """(L, N): the same of each sequence."""
    hits: Tensor
    """(L, levels): targets inside the central interval, averaged over dimensions."""


@dataclass(frozen=True, repr=False)
class ErrorSums(TensorRecord):
    """Errors over sequences, in normalised units and float64; the first dimension is the horizon.

    Most are sums; those of single sequences are kept for quantiles, NaN where a sequence ends before the horizon.

    A prediction that is NaN or infinite is not left out: its squared error, CRPS and NLL are infinite, its intervals
    cover nothing, and `invalid` counts it.
    """

    count: Tensor
    """(L,): sequences that reach this horizon."""
    squared: Tensor
    """(L, obs): squared errors."""
    crps: Tensor
    """(L, obs): continuous ranked probability scores; absolute errors for point predictions."""
    invalid: Tensor
    """(L,): predictions with a mean that is not finite or a variance that is not finite and positive."""
    by_sequence: Tensor
    """(L, N): root of the squared error of each sequence, averaged over dimensions."""
    density: DensitySums | None = None
    """None for point predictions."""

    @classmethod
    def from_predictions(cls, mean: Tensor, variance: Tensor | None, target: Tensor, levels: Tensor) -> Self:
        """Score predictions (B, L, obs) of targets (B, L, obs) at nominal `levels`."""
        mean, target, levels = mean.double(), target.double(), levels.double()
        squared = torch.nan_to_num((target - mean).square(), nan=math.inf, posinf=math.inf)
        usable = torch.isfinite(mean)
        count = torch.full((mean.shape[1],), mean.shape[0], dtype=torch.float64, device=mean.device)
        variance = None if variance is None else variance.double()
        if variance is not None:
            usable = usable & torch.isfinite(variance) & (variance > 0)
        crps = torch.where(usable, gaussian_crps(mean, variance, target), math.inf)
        by_sequence = squared.mean(-1).sqrt().T
        if variance is None:
            return cls(count, squared.sum(0), crps.sum(0), _invalid(usable), by_sequence)
        nll = 0.5 * ((2.0 * math.pi * variance).log() + squared / variance).sum(-1)
        nll = torch.where(usable.all(-1), nll, math.inf)
        hits = interval_hits(mean, variance, target, levels).double().mean(dim=2).sum(dim=0)
        density = DensitySums(nll.sum(0), nll.T, hits)
        return cls(count, squared.sum(0), crps.sum(0), _invalid(usable), by_sequence, density)

    def __add__(self, other: Self) -> Self:
        """The sequences of both; horizons that one of them lacks count as empty."""
        longest = max(len(self.count), len(other.count))
        return _joined(self.pad(longest), other.pad(longest))

    def pad(self, horizon: int) -> Self:
        """Append horizons without sequences, up to `horizon`."""
        return _padded(self, horizon - len(self.count))


_OF_SEQUENCES = ("by_sequence", "nll_by_sequence")


def _joined(some: RecordT, more: RecordT) -> RecordT:
    """Add sums, and put single sequences side by side."""
    parts: dict[str, Tensor | TensorRecord] = {}
    for name, value in vars(some).items():
        if isinstance(value, TensorRecord):
            parts[name] = _joined(value, getattr(more, name))
        elif value is not None:
            other = getattr(more, name)
            parts[name] = torch.cat([value, other], dim=1) if name in _OF_SEQUENCES else value + other
    return replace(some, **parts)


def _padded(sums: RecordT, horizons: int) -> RecordT:
    """Append so many horizons: zeros to sums, NaN to single sequences."""
    parts: dict[str, Tensor | TensorRecord] = {}
    for name, value in vars(sums).items():
        if isinstance(value, TensorRecord):
            parts[name] = _padded(value, horizons)
        elif value is not None:
            filling = math.nan if name in _OF_SEQUENCES else 0.0
            parts[name] = pad(value, (0, 0) * (value.ndim - 1) + (0, horizons), value=filling)
    return replace(sums, **parts)


def _invalid(usable: Tensor) -> Tensor:
    return (~usable.all(-1)).sum(0).double()


NOISE_LOW, NOISE_HIGH, NOISE_STEPS = 1.3, 1.55, 15


def noise_dimensions(persistence: ErrorSums) -> tuple[int, ...]:
    """Dimensions that are white noise, which no model predicts better than by its mean.

    Repeating the last value of white noise errs by sqrt(2) of its deviation, however far ahead. The rule: the error of
    repetition lies between 1.3 and 1.55 deviations at each of the first 15 steps ahead. It asks the data alone, so that
    all models leave out the same.
    """
    ratio = (persistence.squared / persistence.count[:, None]).sqrt()[:NOISE_STEPS]
    noise = ((ratio > NOISE_LOW) & (ratio < NOISE_HIGH)).all(dim=0)
    # Where everything is noise, that is what is to be predicted.
    return () if bool(noise.all()) else tuple(torch.nonzero(noise).squeeze(-1).tolist())


@dataclass(frozen=True, repr=False)
class WindowScores:
    """Errors in normalised units: over windows by horizon, and averaged over horizons by window."""

    sums: dict[str, ErrorSums]
    """By predictor: model, persistence, training_mean and, with a reward head, reward, reward_training_mean."""
    squared_error: Tensor
    """(W,): the model's mean squared error in each window, float64, on the CPU."""

    @classmethod
    def from_batch(cls, model: WorldModel, batch: WindowBatch, context: int, levels: Tensor) -> Self:
        """Score windows in normalised units on the model's device; padding is left out."""
        sums: dict[str, ErrorSums] = {}
        squared = torch.zeros(len(batch.valid), dtype=torch.float64)
        for rows, windows in batch.by_length():
            prediction = predict_open_loop_no_grad(model, windows.observations[:, :-1], windows.actions, context)
            sums = add_sums(sums, _score(prediction, windows, context, levels))
            error = (prediction.mean.double() - windows.observations[:, context:].double()).square()
            squared[rows] = torch.nan_to_num(error, nan=math.inf, posinf=math.inf).mean(dim=(1, 2)).cpu()
        return cls(sums, squared)

    def __add__(self, other: Self) -> Self:
        """The windows of both, one after the other."""
        squared = torch.cat([self.squared_error, other.squared_error])
        return type(self)(add_sums(self.sums, other.sums), squared)


def add_sums(some: dict[str, ErrorSums], others: dict[str, ErrorSums]) -> dict[str, ErrorSums]:
    """Add the sums of each predictor; an empty mapping adds nothing."""
    if not some:
        return others
    return {name: part + others[name] for name, part in some.items()}


def _score(prediction: Prediction, windows: WindowBatch, context: int, levels: Tensor) -> dict[str, ErrorSums]:
    target = windows.observations[:, context:]
    last = windows.observations[:, context - 1 : context].expand_as(target)
    sums = {
        "model": ErrorSums.from_predictions(prediction.mean, prediction.variance, target, levels),
        "persistence": ErrorSums.from_predictions(last, None, target, levels),
        "training_mean": ErrorSums.from_predictions(torch.zeros_like(target), torch.ones_like(target), target, levels),
    }
    if prediction.reward_mean is None:
        return sums
    mean, variance = prediction.reward_mean[..., None], prediction.reward_variance
    reward = windows.rewards[:, context - 1 :, None]
    sums["reward"] = ErrorSums.from_predictions(mean, None if variance is None else variance[..., None], reward, levels)
    sums["reward_training_mean"] = ErrorSums.from_predictions(
        torch.zeros_like(reward), torch.ones_like(reward), reward, levels
    )
    return sums


@dataclass(frozen=True)
class HorizonErrors:
    """Errors of one predictor by horizon; entry h - 1 is the forecast h steps ahead. float64, on the CPU."""

    count: Tensor
    """(L,): sequences that reach this horizon."""
    nrmse: Tensor
    """(L,): root of the mean squared error over sequences and dimensions, normalised units."""
    nrmse_signal: Tensor
    """(L,): nrmse of the dimensions that are more than noise, see `noise_dimensions`."""
    nrmse_median: Tensor
    """(L,): median over sequences of the root of the squared error averaged over dimensions, normalised units."""
    nrmse_p90: Tensor
    """(L,): the 90th percentile of the same."""
    rmse: Tensor
    """(L,): the same as nrmse in original units; dimensions of different units are mixed."""
    rmse_by_dimension: Tensor
    """(L, obs): root mean squared error of each dimension in its own unit."""
    crps: Tensor
    """(L,): continuous ranked probability score, mean over sequences and dimensions, normalised units; the mean
    absolute error where there is no variance."""
    invalid: Tensor
    """(L,): predictions that were not finite or had no positive variance; above 0, the means are infinite."""
    nll: Tensor | None
    """(L,): negative log likelihood in nats, normalised units, summed over dimensions; None without a variance."""
    nll_trimmed: Tensor | None
    """(L,): nll without the lowest and the highest 5% of the sequences, which a few of them cannot dominate."""
    nll_original: Tensor | None
    """(L,): the same for the density in original units."""
    coverage: Tensor | None
    """(L, levels): share of targets inside the central intervals, over all dimensions."""
    levels: Tensor
    """(levels,): nominal probabilities of these intervals."""

    @classmethod
    def from_sums(cls, sums: ErrorSums, scale: Tensor, levels: Tensor, noise: Sequence[int] = ()) -> Self:
        """Divide `sums` by their counts.

        Args:
            scale: (obs,), one normalised unit in original units.
            noise: dimensions that `nrmse_signal` leaves out.
        """
        sums, scale, levels = sums.to("cpu"), scale.double().cpu(), levels.double().cpu()
        by_dimension = (sums.squared / sums.count[:, None]).sqrt()
        density = sums.density
        nll = None if density is None else density.nll / sums.count
        signal = [place for place in range(by_dimension.shape[1]) if place not in noise]
        middle, high = _quantiles(sums.by_sequence, (0.5, 0.9))
        return cls(
            count=sums.count,
            nrmse=by_dimension.square().mean(-1).sqrt(),
            nrmse_signal=by_dimension[:, signal].square().mean(-1).sqrt(),
            nrmse_median=middle,
            nrmse_p90=high,
            rmse=(by_dimension * scale).square().mean(-1).sqrt(),
            rmse_by_dimension=by_dimension * scale,
            crps=(sums.crps / sums.count[:, None]).mean(-1),
            invalid=sums.invalid,
            nll=nll,
            nll_trimmed=None if density is None else _trimmed_mean(density.nll_by_sequence),
            nll_original=None if nll is None else nll + scale.log().sum(),
            coverage=None if density is None else density.hits / sums.count[:, None],
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
            measured = "no levels" if self.coverage is None else f"the levels {self.levels.tolist()}"
            raise ConfigurationError(f"no coverage at {level}: {measured} were measured, choose one of these")
        return self.coverage[:, int(match.nonzero()[0])]

    def coverage_error(self, level: float) -> Tensor:
        """Observed minus nominal coverage (L,): below 0 the model is overconfident, above 0 underconfident.

        Raises:
            ConfigurationError: that level was not measured.
        """
        return self.coverage_at(level) - level

    def sliding(self, window: int, stride: int) -> dict[str, Tensor]:
        """Errors over sliding windows of open-loop steps, the last one ending at the last step.

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
        """Plain lists by field, and `coverage_error` by level; what is not finite becomes null (see `invalid`)."""
        fields = {name: None if value is None else to_jsonable(value) for name, value in vars(self).items()}
        return {**fields, "coverage_error": to_jsonable(self._coverage_errors())}

    def _coverage_errors(self) -> dict[str, Tensor] | None:
        """Coverage errors of the reported levels that were measured."""
        if self.coverage is None:
            return None
        measured = [level for level in REPORTED_LEVELS if bool(((self.levels - level).abs() < 1e-9).any())]
        return {str(level): self.coverage_error(level) for level in measured}


def _quantiles(values: Tensor, levels: Sequence[float]) -> Tensor:
    """Quantiles (levels, L) of each row of `values` (L, N); NaN entries are left out, rows without others give NaN."""
    rows = [row[~np.isnan(row)] for row in values.numpy()]
    found = [
        np.quantile(row, levels, method="inverted_cdf") if len(row) else np.full(len(levels), np.nan) for row in rows
    ]
    return torch.from_numpy(np.stack(found, axis=1))


def _trimmed_mean(values: Tensor) -> Tensor:
    """Mean (L,) of each row of `values` (L, N) without the lowest and the highest 5%; NaN entries are left out."""
    rows = [row[~np.isnan(row)] for row in values.numpy()]
    return torch.tensor([trim_mean(row, _TRIMMED) if len(row) else math.nan for row in rows], dtype=torch.float64)


_TRIMMED = 0.05
"""Share of the sequences that a trimmed mean leaves out at either end."""


def window_starts(steps: int, window: int, stride: int) -> list[int]:
    """First step of each window: every `stride` steps, and a last window that ends at the last step.

    Raises:
        ConfigurationError: the window is empty or longer than the steps, or the stride is below 1.
    """
    if not 1 <= window <= steps or stride < 1:
        raise ConfigurationError(
            f"a sliding window of {window} steps at stride {stride} does not fit {steps} steps: "
            f"choose a window of 1 to {steps} and a stride of at least 1"
        )
    last = steps - window
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]


def sliding_mean(values: Tensor, weights: Tensor, window: int, stride: int) -> Tensor:
    """Weighted mean of `values` (L,) over each window of `window_starts`: (windows,).

    `weights` (L,) are counts, for instance of the sequences that reach each step.
    """
    starts = window_starts(len(values), window, stride)
    index = torch.as_tensor(starts, device=values.device)[:, None] + torch.arange(window, device=values.device)
    return (values * weights)[index].sum(dim=-1) / weights[index].sum(dim=-1)
