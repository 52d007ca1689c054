"""Open-loop prediction: filter an observed context, then predict further steps under known actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from mbrl_mts3.data.episode import Episode
from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.data.windows import WindowSampler
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.predictions import Prediction
from mbrl_mts3.tensor_record import TensorRecord, concatenate


def model_device(model: WorldModel) -> torch.device:
    """Where the model's tensors are; the CPU for a model without any."""
    return next((tensor.device for tensor in model.state_dict().values()), torch.device("cpu"))


def predict_open_loop(model: WorldModel, observations: Tensor, actions: Tensor, context: int) -> Prediction:
    """Observe o_0..o_{context-1}, then predict o_context, o_{context+1}, ... with the true actions.

    Normalised units. The first entry is the forecast one step ahead (horizon 1), the last output of filtering the
    context. No observation after the context is read.

    Args:
        model: any world model; no gradient is taken and its mode is left as it is.
        observations: (B, >= context, obs).
        actions: (B, context - 1 + L, act), starting with a_0.
        context: observed steps, at least 1.

    Returns:
        Predictions (B, L, ...) of o_context..o_{context+L-1} and of the rewards that lead there.

    Raises:
        ConfigurationError: the actions end before the first open-loop step.
    """
    if not 1 <= context <= actions.shape[1]:
        raise ConfigurationError(
            f"a context of {context} steps needs as many actions to reach its first open-loop step, "
            f"got {actions.shape[1]}: shorten the context or take longer windows"
        )
    belief, filtered = model.filter(observations[:, :context], actions[:, :context])
    first = filtered[:, context - 1 : context]
    if actions.shape[1] == context:
        return first
    return concatenate([first, model.imagine(belief, actions[:, context:])], dim=1)


@torch.no_grad()
def predict_open_loop_no_grad(model: WorldModel, observations: Tensor, actions: Tensor, context: int) -> Prediction:
    """`predict_open_loop` in evaluation mode and without gradients; the model's mode is restored afterwards."""
    training = model.training
    model.eval()
    try:
        return predict_open_loop(model, observations, actions, context)
    finally:
        model.train(training)


@dataclass(frozen=True, repr=False)
class OpenLoopWindow(TensorRecord):
    """Truth and open-loop prediction of one window, in physical units, on the CPU."""

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
        """Predict window `index`, counted as `evaluate_open_loop` counts; see there for the arguments."""
        raw = WindowSampler(episodes, context + horizon - 1, min_length=context).batch([index])
        length = int(raw.valid.sum())
        device = model_device(model)
        normalizer = normalizer.to(device)
        batch = raw.to(device).normalize(normalizer)
        prediction = normalizer.denormalize_prediction(
            predict_open_loop_no_grad(model, batch.observations[:, :length], batch.actions[:, :length], context)
        ).to("cpu")
        return cls(raw.observations[0, : length + 1], prediction.mean[0], prediction.variance[0])
