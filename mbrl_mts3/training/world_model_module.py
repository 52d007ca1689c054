"""The training and validation step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer

from mbrl_mts3.data.masking import MaskSampler, context_mask
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.crps import gaussian_crps
from mbrl_mts3.models.prediction import Prediction
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.training.losses import prediction_losses, total_loss
from mbrl_mts3.training.schedule import Schedule
from mbrl_mts3.training.segments import predict_in_segments


class WorldModelModule(lightning.LightningModule):
    """Minimises the NLL of next observations (and rewards, terminations) under random masks.

    Args:
        model: in normalised units.
        normalizer: for the batches, which come in physical units.
        masks: which observations the model sees in training.
        schedule: how far training is, and the learning rate that goes with it.
        validation_context: observed steps of a validation window; all others are predicted open loop.
        loss_weights: of the heads "observation", "reward", "termination"; 1 where not named.
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
        loss_weights: Mapping[str, float] | None = None,
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
        self.loss_weights = dict(loss_weights or {})
        self.truncation = truncation
        self.recompute_every = recompute_every
        self.seed = seed

    def training_step(self, batch: WindowBatch, batch_index: int) -> Tensor:
        """The loss of one batch of windows in physical units."""
        windows = batch.normalize(self.normalizer.to(self.device))
        prediction = self._predict(windows, self._training_mask(windows, batch_index))
        losses = prediction_losses(prediction, windows)
        self._log("train", losses, len(windows.valid))
        return total_loss(losses, self.loss_weights)

    def validation_step(self, batch: WindowBatch, batch_index: int) -> None:
        """Open-loop NLL, RMSE and CRPS behind a fixed context, in normalised units."""
        windows = batch.normalize(self.normalizer.to(self.device))
        count, length = windows.valid.shape
        shown = context_mask(length, self.validation_context).to(self.device)
        prediction = self.model(windows.observations[:, :-1], windows.actions, shown.expand(count, length))
        # Entry t predicts o_{t+1}, which is blind from the last shown step on.
        blind = (torch.arange(1, length + 1, device=self.device) >= self.validation_context).expand(count, length)
        losses = prediction_losses(prediction, windows, blind)
        error = (prediction.mean - windows.observations[:, 1:]).square().mean(dim=-1)
        counted = (blind & windows.valid).to(error.dtype)
        score = gaussian_crps(prediction.mean, prediction.variance, windows.observations[:, 1:]).mean(dim=-1)
        self._log("validation", losses, count)
        self.log("validation/rmse", _mean(error, counted).sqrt(), batch_size=count, prog_bar=True)
        self.log("validation/crps", _mean(score, counted), batch_size=count, prog_bar=True)
        self.log("validation/nll", total_loss(losses, self.loss_weights), batch_size=count, prog_bar=True)

    def configure_optimizers(self) -> Optimizer:
        """Adam, with the learning rate that the schedule sets before each step."""
        return torch.optim.Adam(self.model.parameters(), lr=self.schedule.learning_rate)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Let the clock travel with the trainer's state, so that an interrupted run keeps its budget and rate."""
        checkpoint["schedule_seconds"] = self.schedule.elapsed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """See `on_save_checkpoint`."""
        self.schedule.start(checkpoint.get("schedule_seconds", 0.0))

    def on_train_batch_start(self, batch: WindowBatch, batch_index: int) -> None:
        """Let the learning rate follow the schedule."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        for group in optimizer.param_groups:  # type: ignore[union-attr]
            group["lr"] = self.schedule.rate(self.global_step)

    def _training_mask(self, windows: WindowBatch, batch_index: int) -> Tensor:
        # Seeded by the place in the training, so that a resumed run sees the masks of an unbroken one.
        place = (self.seed, self.global_rank, self.current_epoch, batch_index)
        generator = torch.Generator().manual_seed(hash(place) & 0x7FFF_FFFF)
        count, length = windows.valid.shape
        return self.masks.sample(count, length, generator, self.schedule.progress(self.global_step)).to(self.device)

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
            self.log(f"{stage}/{name}", loss, batch_size=count)


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    return (values * counted).sum() / counted.sum().clamp_min(1)
