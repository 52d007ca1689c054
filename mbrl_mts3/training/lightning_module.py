"""The Lightning module: training losses, truncated gradients, and the learning rate schedule."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.checkpoint import checkpoint

from mbrl_mts3.data.masking import MaskSampler, context_mask
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.windows import WindowBatch
from mbrl_mts3.errors import ConfigurationError, NonFiniteError
from mbrl_mts3.gaussian import negative_log_likelihood
from mbrl_mts3.metrics.calibration import gaussian_crps
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.predictions import Prediction
from mbrl_mts3.tensor_record import TensorRecord, concatenate

ONE_STEP = "one_step/"
"""Metrics of this prefix: root mean squared one-step error of an entry, in units of its deviation."""


class WorldModelModule(lightning.LightningModule):
    """Lightning module: minimises the NLL of next observations (and rewards, terminations) under random masks.

    Args:
        model: in normalised units.
        normalizer: for the batches, which come in physical units.
        masks: which observations the model sees in training.
        schedule: how far training is, and the learning rate that goes with it.
        validation_context: observed steps of a validation window; all others are predicted open loop.
        names: of the observation's entries, for their one-step errors; None leaves these out.
        loss_weights: of "observation", "reward", "termination", "change", "reconstruction"; where not named, 0.3 of the
            last and 1 of the others.
        beta: exponent of the variances that weight the likelihoods in training, see `prediction_losses`.
        truncation: cut gradients every so many steps (truncated BPTT); a multiple of the model's period.
        recompute_every: keep only the beliefs at every so many steps and compute the rest again in the backward pass;
            less memory, more time, the same gradients.
        seed: of the masks.

    Raises:
        ConfigurationError: segments that cut inside a window, two lengths of them, or a model that has none.
    """

    def __init__(
        self,
        model: WorldModel,
        normalizer: Normalizer,
        masks: MaskSampler,
        schedule: Schedule,
        *,
        validation_context: int,
        names: Sequence[str] | None = None,
        loss_weights: Mapping[str, float] | None = None,
        beta: float = 0.0,
        truncation: int | None = None,
        recompute_every: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        for name, length in (("truncation", truncation), ("recompute_every", recompute_every)):
            if length is not None and (length < 1 or length % model.period):
                raise ConfigurationError(
                    f"{name}={length} would cut inside a window: take a multiple of the period {model.period}"
                )
        if truncation is not None and recompute_every not in (None, truncation):
            raise ConfigurationError(
                f"truncation={truncation} and recompute_every={recompute_every} differ: segments have one length"
            )
        if not model.trains_in_segments and (truncation or recompute_every):
            raise ConfigurationError(
                f"truncation and recompute_every need a model that predicts in training as it filters, which "
                f"{type(model).__name__} does not: leave both out, and use microbatch to save memory"
            )
        self.model = model
        self.normalizer = normalizer
        self.masks = masks
        self.schedule = schedule
        self.validation_context = validation_context
        self.names = tuple(names or ())
        self.loss_weights = dict(loss_weights or {})
        self.beta = beta
        self.truncation = truncation
        self.recompute_every = recompute_every
        self.seed = seed
        self._progress = 0.0

    def training_step(self, batch: WindowBatch, batch_index: int) -> Tensor:
        """The loss of one batch of windows in physical units."""
        windows = batch.normalize(self.normalizer.to(self.device))
        prediction = self._predict(windows, self._training_mask(windows, batch_index))
        losses = prediction_losses(prediction, windows, beta=self.beta, change_scale=self.normalizer.change_scale)
        self._log("train", losses, len(windows.valid))
        return total_loss(losses, self.loss_weights)

    def validation_step(self, batch: WindowBatch, batch_index: int) -> None:
        """Log NLL, RMSE and CRPS in open loop after a fixed context, and each entry's one-step error, normalised."""
        windows = batch.normalize(self.normalizer.to(self.device))
        count, length = windows.valid.shape
        shown = context_mask(length, self.validation_context).to(self.device)
        prediction = self.model(windows.observations[:, :-1], windows.actions, shown.expand(count, length))
        # Entry t predicts o_{t+1}, which is open loop from the last shown step on.
        unobserved = (torch.arange(1, length + 1, device=self.device) >= self.validation_context).expand(count, length)
        losses = prediction_losses(prediction, windows, unobserved)
        squared = (prediction.mean - windows.observations[:, 1:]).square()
        error = squared.mean(dim=-1)
        counted = (unobserved & windows.valid).to(error.dtype)
        score = gaussian_crps(prediction.mean, prediction.variance, windows.observations[:, 1:]).mean(dim=-1)
        self._log("validation", losses, count)
        # The first steps tell more of the start than of the model.
        one_step = ~unobserved & windows.valid
        one_step[:, : self.validation_context // 2] = False
        for name, entry in zip(self.names, squared.unbind(dim=-1), strict=False):
            self.log(f"{ONE_STEP}{name}", _mean(entry, one_step.to(entry.dtype)).sqrt(), batch_size=count)
        self.log("validation/rmse", _mean(error, counted).sqrt(), batch_size=count, prog_bar=True)
        self.log("validation/crps", _mean(score, counted), batch_size=count, prog_bar=True)
        self.log("validation/nll", total_loss(losses, self.loss_weights), batch_size=count, prog_bar=True)

    def configure_optimizers(self) -> Optimizer:
        """Adam, with the learning rate that the schedule sets before each step."""
        return torch.optim.Adam(self.model.parameters(), lr=self.schedule.learning_rate)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the elapsed time with the trainer's state, so that a resumed run keeps its time budget and rate."""
        checkpoint["schedule_seconds"] = self.schedule.elapsed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the elapsed time."""
        self.schedule.start(checkpoint.get("schedule_seconds", 0.0))

    def on_train_batch_start(self, batch: WindowBatch, batch_index: int) -> None:
        """Set the learning rate of the schedule."""
        self._progress = self.schedule.progress(self.global_step)
        if self.schedule.max_seconds is not None and self.trainer.world_size > 1:
            # Clocks differ, and with them the rates, by which the weights of the processes would drift apart.
            self._progress = self.trainer.strategy.broadcast(self._progress)
        optimizer = self.optimizers(use_pl_optimizer=False)
        for group in optimizer.param_groups:  # type: ignore[union-attr]
            group["lr"] = self.schedule.rate_at(self._progress)

    def _training_mask(self, windows: WindowBatch, batch_index: int) -> Tensor:
        # Seeded by epoch and batch, so that a resumed run has the masks of an uninterrupted one. Several processes take
        # their rows of the masks that one would have.
        position = (self.seed, 0, self.current_epoch, batch_index)
        generator = torch.Generator().manual_seed(hash(position) & 0x7FFF_FFFF)
        count, length = windows.valid.shape
        masks = self.masks.sample(count * self.trainer.world_size, length, generator, self._progress)
        return masks[self.global_rank * count :][:count].to(self.device)

    def _predict(self, windows: WindowBatch, mask: Tensor) -> Prediction:
        observations, actions = windows.observations[:, :-1], windows.actions
        length = self.truncation or self.recompute_every
        if length is None:
            prediction: Prediction = self.model(observations, actions, mask)
            return prediction
        return predict_in_segments(
            self.model,
            observations,
            actions,
            mask,
            length,
            detach=self.truncation is not None,
            recompute=self.recompute_every is not None,
        )

    def _log(self, stage: str, losses: Mapping[str, Tensor], count: int) -> None:
        for name, loss in losses.items():
            # Validations are of the same windows in every process.
            self.log(f"{stage}/{name}", loss, batch_size=count, sync_dist=stage == "train")


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return (values * counted).sum() / counted.sum().clamp_min(1)


def prediction_losses(
    prediction: Prediction,
    batch: WindowBatch,
    where: Tensor | None = None,
    *,
    beta: float = 0.0,
    change_scale: Tensor | None = None,
) -> dict[str, Tensor]:
    """Mean loss per step of each head, in nats of normalised units.

    The gradient of a Gaussian likelihood divides errors by the variance. An entry that is predicted badly gets a large
    variance, then small gradients, and may never be learned. `beta` weights each entry's likelihood with its variance
    to that power, held constant: 0 is the likelihood itself, at 1 the gradient of means is that of the squared error
    (beta-NLL, Seitzer et al., "On the Pitfalls of Heteroscedastic Uncertainty Estimation", 2022, arXiv 2203.09168).

    Args:
        prediction: (B, T) one-step or open-loop predictions.
        batch: the normalised windows that they predict.
        where: (B, T) bool, steps that count, if they are valid; None means all.
        beta: in [0, 1]; for gradients only, a score has 0.
        change_scale: (obs,), of the normaliser; needed where the prediction has changes.

    Returns:
        "observation": Gaussian NLL summed over the observation's dimensions; "reward": Gaussian NLL and
        "termination": binary cross entropy, where the model has these heads; "change": Huber loss of the predicted
        changes in units of their scale, summed over dimensions, and "reconstruction": Gaussian NLL of o_t, where the
        prediction has these.
    """
    weight = (batch.valid if where is None else batch.valid & where).to(prediction.mean.dtype)
    targets = batch.observations[:, 1:]
    observation = _likelihood_loss(prediction.mean, prediction.variance, targets, beta).sum(dim=-1)
    losses = {"observation": _weighted_mean(observation, weight)}
    if prediction.reward_mean is not None and prediction.reward_variance is not None:
        reward = _likelihood_loss(prediction.reward_mean, prediction.reward_variance, batch.rewards, beta)
        losses["reward"] = _weighted_mean(reward, weight)
    if prediction.change is not None and change_scale is not None:
        true = (targets - batch.observations[:, :-1]) / change_scale
        change = torch.nn.functional.huber_loss(prediction.change, true, reduction="none", delta=_LARGE_CHANGE)
        losses["change"] = _weighted_mean(change.sum(dim=-1), weight)
    if prediction.reconstruction is not None and prediction.reconstruction_variance is not None:
        seen = batch.observations[:, :-1]
        found = _likelihood_loss(prediction.reconstruction, prediction.reconstruction_variance, seen, beta)
        losses["reconstruction"] = _weighted_mean(found.sum(dim=-1), weight)
    if prediction.termination_logit is not None:
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(
            prediction.termination_logit, batch.terminations.to(prediction.mean.dtype), reduction="none"
        )
        losses["termination"] = _weighted_mean(entropy, weight)
    return losses


_LARGE_CHANGE = 3.0
"""In units of the typical change: errors beyond it, as at contacts, count linearly."""


def _likelihood_loss(mean: Tensor, variance: Tensor, target: Tensor, beta: float) -> Tensor:
    loss = negative_log_likelihood(mean, variance, target)
    return loss * variance.detach() ** beta if beta else loss


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of the heads' losses; without a weight, 0.3 for "reconstruction" and 1 for the others.

    Raises:
        NonFiniteError: a loss is NaN or infinite; the message says which.
    """
    broken = [f"{name} ({float(loss)})" for name, loss in losses.items() if not torch.isfinite(loss)]
    if broken:
        raise NonFiniteError(
            f"the loss of {', '.join(broken)} is not finite: lower the learning rate or the gradient clip, "
            "and check the data for extreme values"
        )
    return torch.stack([weights.get(name, _WEIGHTS.get(name, 1.0)) * loss for name, loss in losses.items()]).sum()


_WEIGHTS = {"reconstruction": 0.3}
"""A belief is to predict first. Without this loss a state space model may keep two codes, one for updated beliefs and
one for predicted ones, and what it learns of one step does not carry over to open loops (docs/experiments.md)."""


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    # Padded steps hold finite but meaningless values, so their weight is zero; at least one step always counts.
    return (values * weight).sum() / weight.sum().clamp_min(1.0)


Segment = tuple[TensorRecord, Prediction]


def predict_in_segments(
    model: WorldModel,
    observations: Tensor,
    actions: Tensor,
    mask: Tensor,
    length: int,
    *,
    detach: bool,
    recompute: bool,
) -> Prediction:
    """The prediction of `model(observations, actions, mask)`, computed in segments of `length` steps.

    Args:
        length: a multiple of the model's period.
        detach: no gradient flows from one segment to the one before (truncated backpropagation through time).
        recompute: keep only the beliefs between segments, and run each segment again in the backward pass: less
            memory for about a third more time. Values and gradients stay the same.
    """
    belief: TensorRecord = model.initial_belief(len(actions))
    parts = []
    for begin in range(0, actions.shape[1], length):
        cut = slice(begin, begin + length)
        arguments = observations[:, cut], actions[:, cut], mask[:, cut], belief
        if recompute and torch.is_grad_enabled():
            belief, part = cast(Segment, checkpoint(model.filter, *arguments, use_reentrant=False))
        else:
            belief, part = model.filter(*arguments)
        if detach:
            belief = belief.detach()
        parts.append(part)
    return concatenate(parts, dim=1)


@dataclass
class Schedule:
    """Progress in [0, 1], and a learning rate that warms up and then falls along a cosine.

    Args:
        learning_rate: the highest.
        max_updates: updates of a full training.
        max_seconds: where given, training may end earlier, and progress is the larger share of updates and time.
        warmup: share of the training in which the rate rises from zero.
        final: learning rate at the end, as a share of the highest.
    """

    learning_rate: float = 3e-3
    max_updates: int = 5000
    max_seconds: float | None = None
    warmup: float = 0.02
    final: float = 0.05
    _started: float | None = field(default=None, init=False, repr=False)

    def start(self, elapsed: float = 0.0) -> None:
        """Start the clock; `elapsed` are the seconds that an interrupted run had already used."""
        self._started = time.monotonic() - elapsed

    @property
    def elapsed(self) -> float:
        """Seconds of training so far; 0 before the start."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def progress(self, step: int) -> float:
        """Share of the training that is complete before update number `step`."""
        by_step = step / self.max_updates
        if self.max_seconds is None:
            return min(1.0, by_step)
        return min(1.0, max(by_step, self.elapsed / self.max_seconds))

    def rate(self, step: int) -> float:
        """The learning rate of update number `step`."""
        return self.rate_at(self.progress(step))

    def rate_at(self, progress: float) -> float:
        """The learning rate where this share of the training is complete."""
        if progress < self.warmup:
            return self.learning_rate * (progress + 1 / self.max_updates) / (self.warmup + 1 / self.max_updates)
        fall = (progress - self.warmup) / (1 - self.warmup)
        return self.learning_rate * (self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * fall)))
