"""One-step prediction while observations are missing (imputation), and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.windows import WindowBatch, WindowSampler
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import to_jsonable
from mbrl_mts3.metrics.calibration import REPORTED_LEVELS
from mbrl_mts3.metrics.errors_by_horizon import ErrorSums, HorizonErrors, add_sums
from mbrl_mts3.metrics.open_loop_evaluation import check_lengths, evenly_spaced
from mbrl_mts3.metrics.open_loop_prediction import model_device
from mbrl_mts3.models.base import WorldModel

Sums = dict[str, ErrorSums]


def evaluate_imputation(
    model: WorldModel,
    normalizer: Normalizer,
    episodes: Sequence[Episode],
    *,
    rate: float = 0.5,
    context: int,
    horizon: int,
    batch_size: int = 256,
    max_windows: int | None = None,
    seed: int = 0,
) -> ImputationResult:
    """Filter while observations are missing at random, and score the predictions of the next observation.

    A window has `context` steps, which are all shown, and `horizon` steps, each missing with probability `rate`. The
    scored parts of the windows follow each other, so that all of an episode but its first context is scored; an episode
    that ends earlier is scored up to its end. All entries of an observation are missing together, as in the imputation
    test of MTS3 (arXiv 2310.18534). The masks depend on the windows and the seed only: they are the same for every
    model and every batch size. Each prediction is scored, whether o_{t+1} itself is shown later or not.

    Args:
        model, normalizer, episodes, batch_size, max_windows: as in `evaluate_open_loop`.
        rate: probability that an observation is missing, in (0, 1).
        context: steps o_0..o_{context-1} of a window that are always shown.
        horizon: steps of a window after these; predictions of the observations in the horizon are scored.
        seed: of the masks.

    Raises:
        EpisodeTooShortError: no episode holds a whole window.
        ConfigurationError: a rate outside of (0, 1), or so few steps that all or none of them are missing.
    """
    if not 0 < rate < 1:
        raise ConfigurationError(f"the rate of missing observations needs to lie between 0 and 1, got {rate}")
    check_lengths(episodes, context, horizon)
    sampler = WindowSampler(episodes, context + horizon - 1, min_length=context)
    windows = evenly_spaced(sampler.grid(horizon), len(sampler) if max_windows is None else max_windows)
    mask = _masks(len(windows), sampler.length, rate, context, seed)
    device = model_device(model)
    sums: Sums = {}
    normalizer = normalizer.to(device)
    for first, raw in zip(range(0, len(windows), batch_size), sampler.batches(windows, batch_size), strict=True):
        batch = raw.to(device).normalize(normalizer)
        sums = add_sums(sums, _score(model, batch, mask[first : first + batch_size].to(device), context))
    empty = [name for name, part in sums.items() if not part.count.any()]
    if empty:
        raise ConfigurationError(
            f"at a rate of {rate} no step of {len(windows)} windows was {empty[0]}: choose a rate nearer to 0.5"
        )
    levels = torch.tensor(REPORTED_LEVELS, dtype=torch.float64)
    errors = {name: HorizonErrors.from_sums(part, normalizer.observation_scale, levels) for name, part in sums.items()}
    return ImputationResult(rate=rate, seed=seed, context=context, windows=len(windows), **errors)


def _masks(windows: int, length: int, rate: float, context: int, seed: int) -> Tensor:
    """Masks (windows, length), True where o_t is shown; sampled at once, so that the batch size does not matter."""
    generator = torch.Generator().manual_seed(seed)
    shown = torch.rand(windows, length, generator=generator) >= rate
    shown[:, :context] = True
    return shown


def _score(model: WorldModel, batch: WindowBatch, mask: Tensor, context: int) -> Sums:
    sums: Sums = {}
    for rows, windows in batch.by_length():
        length = windows.actions.shape[1]
        sums = add_sums(sums, _score_group(model, windows, mask[rows.to(mask.device), :length], context))
    return sums


@torch.no_grad()
def _score_group(model: WorldModel, windows: WindowBatch, mask: Tensor, context: int) -> Sums:
    training = model.training
    model.eval()
    try:
        # A missing observation must not reach the model: NaN stands in its place.
        seen = torch.where(mask[..., None], windows.observations[:, :-1], torch.nan)
        prediction = model(seen, windows.actions, mask)
    finally:
        model.train(training)
    scored = torch.arange(mask.shape[1], device=mask.device) >= context - 1
    levels = torch.tensor(REPORTED_LEVELS, dtype=torch.float64, device=mask.device)
    target, last = windows.observations[:, 1:], _last_shown(windows.observations[:, :-1], mask)
    sums: Sums = {}
    for name, chosen in (("shown", mask & scored), ("missing", ~mask & scored)):
        # One step is one sequence of one horizon.
        picked = [tensor[chosen][:, None] for tensor in (prediction.mean, prediction.variance, target, last)]
        mean, variance, truth, repeated = picked
        sums[name] = ErrorSums.from_predictions(mean, variance, truth, levels)
        sums[f"persistence_{name}"] = ErrorSums.from_predictions(repeated, None, truth, levels)
    return sums


def _last_shown(observations: Tensor, mask: Tensor) -> Tensor:
    """The latest observation that was shown at each step, (B, T, obs); the first one always is."""
    steps = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    latest = torch.where(mask, steps, torch.zeros_like(steps)).cummax(dim=1).values
    return observations.gather(1, latest[..., None].expand_as(observations))


@dataclass(frozen=True, repr=False)
class ImputationResult:
    """Errors of one-step predictions while observations are missing; every tensor inside has one horizon."""

    rate: float
    """Probability that an observation is missing."""
    seed: int
    """Seed of the masks."""
    context: int
    """Observed steps before the first observation that may be missing."""
    windows: int
    shown: HorizonErrors
    """Predictions of o_{t+1} where o_t was shown."""
    missing: HorizonErrors
    """Predictions of o_{t+1} where o_t was missing, whatever was shown before."""
    persistence_shown: HorizonErrors
    """Repeats the last shown observation; where o_t was shown."""
    persistence_missing: HorizonErrors
    """The same where o_t was missing."""

    @property
    def parts(self) -> dict[str, HorizonErrors]:
        """All errors by name."""
        return {name: errors for name, errors in vars(self).items() if isinstance(errors, HorizonErrors)}

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; `steps` counts the predictions behind each part."""
        head = {"rate": self.rate, "seed": self.seed, "context": self.context, "windows": self.windows}
        return {**head, **{name: _numbers(errors) for name, errors in self.parts.items()}}

    def __repr__(self) -> str:
        found = (f"{name}={float(errors.nrmse[0]):.3g}" for name, errors in self.parts.items())
        return f"ImputationResult(rate={self.rate}, windows={self.windows}, nrmse: {', '.join(found)})"


def _numbers(errors: HorizonErrors) -> dict[str, Any]:
    known = errors.coverage is not None
    numbers = {
        "steps": int(errors.count[0]),
        "nrmse": errors.nrmse[0],
        "rmse": errors.rmse[0],
        "crps": errors.crps[0],
        "nll": None if errors.nll is None else errors.nll[0],
        "coverage": {str(level): errors.coverage_at(level)[0] for level in REPORTED_LEVELS} if known else None,
        "invalid": int(errors.invalid[0]),
    }
    return dict(to_jsonable(numbers))
