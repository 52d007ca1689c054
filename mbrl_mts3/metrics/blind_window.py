"""One window with what a model predicts of it, ready to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.window_sampler import WindowSampler
from mbrl_mts3.metrics.blind_prediction import evaluate_blind
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class BlindWindow(TensorRecord):
    """Truth and blind prediction of one window, in physical units, on the CPU."""

    observations: Tensor
    """(context + L, obs): true observations o_0..o_{context+L-1}."""
    mean: Tensor
    """(L, obs): predictions of o_context and all after it."""
    variance: Tensor
    """(L, obs)."""

    @property
    def context(self) -> int:
        """Number of observed steps."""
        return len(self.observations) - len(self.mean)

    @classmethod
    def predict(
        cls,
        model: WorldModel,
        normalizer: Normalizer,
        episodes: Sequence[Episode],
        index: int,
        *,
        context: int,
        horizon: int,
    ) -> Self:
        """Predict window `index`, counted as `open_loop` counts; see there for the arguments."""
        raw = WindowSampler(episodes, context + horizon - 1, min_length=context).batch([index])
        length = int(raw.valid.sum())
        device = next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))
        normalizer = normalizer.to(device)
        batch = raw.to(device).normalize(normalizer)
        prediction = normalizer.denormalize_prediction(
            evaluate_blind(model, batch.observations[:, :length], batch.actions[:, :length], context)
        ).to("cpu")
        return cls(raw.observations[0, : length + 1], prediction.mean[0], prediction.variance[0])
