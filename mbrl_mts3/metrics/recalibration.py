"""Fits factors for predicted variances, by horizon, on held-out episodes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.windows import WindowBatch, WindowSampler
from mbrl_mts3.errors import ConfigurationError, NonFiniteError
from mbrl_mts3.metrics.calibration import central_quantile
from mbrl_mts3.metrics.open_loop_evaluation import check_lengths
from mbrl_mts3.metrics.open_loop_prediction import model_device, predict_open_loop_no_grad
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.models.wrappers.recalibration import Recalibration

RULES = ("mean_square", "quantile")

# Windows of a few episodes give noisy factors: factors of horizons within this ratio are averaged.
_NEIGHBOURS = 1.25
# The smallest factor: a dimension that is predicted without error still needs a positive variance.
_SMALLEST = 1e-6


def fit_recalibration(
    model: WorldModel,
    normalizer: Normalizer,
    episodes: Sequence[Episode],
    *,
    context: int,
    horizon: int,
    stride: int | None = None,
    batch_size: int = 256,
    rule: str = "mean_square",
) -> Recalibration:
    """Fit the factors that correct the variances of open-loop predictions, by horizon and dimension.

    With z the errors of open-loop predictions in units of the predicted standard deviation, at one horizon and in one
    dimension, over all windows:

        mean_square: mean(z^2), which maximises the likelihood of the errors
        quantile:    (quantile_0.95(|z|) / 1.96)^2, with which the 95% intervals hold 95% of these errors

    Both agree for Gaussian errors. With heavy tails the first depends on how large rare errors are, the second only on
    how many there are. On held-out episodes of HalfCheetah and of a maze both came equally near to 95%; the first is
    the default for its better likelihood. Windows of one episode are similar and episodes are few, so the factors are
    noisy: their logarithms are averaged over neighbouring horizons. Where the second or the averages make the episodes
    less likely, a warning says so.

    Source of the first: Levi, Gispan, Giladi and Fetaya, "Evaluating and Calibrating Uncertainty Prediction in
    Regression Tasks", Sensors 2022 (arXiv 1905.11659), there with one factor for all horizons and dimensions.

    Args:
        model: not recalibrated, in normalised units; its mode is left as it is.
        normalizer: of the model.
        episodes: physical units; not the episodes of the final evaluation. On training episodes the errors are too
            small if the model overfits; if it does not, training episodes can make up for a lack of others.
        context, horizon, batch_size: as in `evaluate_open_loop`.
        stride: steps from one window's start to the next; None means a quarter of the horizon.
        rule: "mean_square" or "quantile".

    Raises:
        ConfigurationError: an unknown rule, or a model whose rewards have no variance.
        EpisodeTooShortError: no episode holds a whole window.
        NonFiniteError: predictions that are not finite, or without a positive variance.
    """
    if rule not in RULES:
        raise ConfigurationError(f"unknown rule {rule!r} for a recalibration: choose one of {', '.join(RULES)}")
    check_lengths(episodes, context, horizon)
    sampler = WindowSampler(episodes, context + horizon - 1, min_length=context)
    device = model_device(model)
    normalizer = normalizer.to(device)
    errors = torch.cat(
        [
            _standardised_errors(model, raw.to(device).normalize(normalizer), context, horizon)
            for raw in sampler.batches(sampler.grid(max(1, horizon // 4) if stride is None else stride), batch_size)
        ]
    )
    factors = _smooth(_factors(errors, rule).clamp_min(_SMALLEST).log()).exp()
    _warn_of_worse(errors.double(), factors, rule)
    factors = factors.float().to(device)
    size = model.observation_dim
    reward = factors[:, size].contiguous() if model.predict_reward else None
    return Recalibration(factors[:, :size].contiguous(), reward)


def _standardised_errors(model: WorldModel, batch: WindowBatch, context: int, horizon: int) -> Tensor:
    """Errors divided by predicted standard deviations, (B, horizon, obs [+ 1 for the reward]); NaN after an episode."""
    columns = model.observation_dim + model.predict_reward
    found = torch.full((len(batch.valid), horizon, columns), torch.nan)
    for rows, windows in batch.by_length():
        prediction = predict_open_loop_no_grad(model, windows.observations[:, :-1], windows.actions, context)
        error = windows.observations[:, context:] - prediction.mean
        variance = prediction.variance
        if prediction.reward_mean is not None:
            if prediction.reward_variance is None:
                raise ConfigurationError("this model predicts rewards without a variance: nothing to recalibrate")
            reward = windows.rewards[:, context - 1 :] - prediction.reward_mean
            error = torch.cat([error, reward[..., None]], dim=-1)
            variance = torch.cat([variance, prediction.reward_variance[..., None]], dim=-1)
        usable = torch.isfinite(error) & torch.isfinite(variance) & (variance > 0)
        if not bool(usable.all()):
            raise NonFiniteError(
                f"{int((~usable.all(-1)).sum())} of {usable[..., 0].numel()} predictions are not finite or have "
                "no positive variance: no factor can correct that, train the model again"
            )
        found[rows, : error.shape[1]] = (error / variance.sqrt()).cpu()
    return found


def _factors(errors: Tensor, rule: str) -> Tensor:
    """Factors (L, columns), float64, from standardised errors (W, L, columns), which are NaN where there is no step."""
    if rule == "mean_square":
        return errors.double().square().nanmean(dim=0)
    level = torch.tensor(0.95, dtype=torch.float64)
    # Horizon by horizon: torch refuses quantiles of large tensors.
    quantiles = torch.stack([step.abs().double().nanquantile(level, dim=0) for step in errors.unbind(dim=1)])
    return (quantiles / central_quantile(level)).square()


def _warn_of_worse(errors: Tensor, factors: Tensor, rule: str) -> None:
    """Say so where the factors make the errors that they were fitted to less likely: another shape, or smoothing."""
    squares = errors.square()
    change = 0.5 * float((factors.log() + squares / factors - squares).nanmean())
    if change > 0:
        other = "" if rule == RULES[0] else f", or take rule={RULES[0]}"
        warnings.warn(
            f"the episodes that the factors of rule={rule} were fitted to are less likely with them, by {change:.3g} "
            f"nats a number: predict without them{other}",
            stacklevel=3,
        )


def _smooth(values: Tensor) -> Tensor:
    """Average (L, columns) over the horizons h / 1.25 to 1.25 h; the first two horizons stay as they are."""
    length = len(values)
    rows = []
    for horizon in range(1, length + 1):
        first = max(1, round(horizon / _NEIGHBOURS))
        rows.append(values[first - 1 : min(length, round(horizon * _NEIGHBOURS))].mean(dim=0))
    return torch.stack(rows)
