"""Prediction from a context that is observed into a future that is not."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.prediction import Prediction
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.tensor_record import concatenate


def blind_prediction(model: WorldModel, observations: Tensor, actions: Tensor, context: int) -> Prediction:
    """Observe o_0..o_{context-1}, then predict o_context, o_{context+1}, ... with the true actions.

    Normalised units. The first entry is the forecast one step ahead (horizon 1): filtering the context
    ends with it, and no observation after the context is ever read.

    Args:
        model: any world model; no gradient is taken and its mode is left as it is.
        observations: (B, >= context, obs).
        actions: (B, context - 1 + L, act), from a_0 on.
        context: observed steps, at least 1.

    Returns:
        Predictions (B, L, ...) of o_context..o_{context+L-1} and of the rewards that lead there.

    Raises:
        ConfigurationError: the actions end before the first blind step.
    """
    if not 1 <= context <= actions.shape[1]:
        raise ConfigurationError(
            f"a context of {context} steps needs as many actions to reach its first blind step, "
            f"got {actions.shape[1]}: shorten the context or take longer windows"
        )
    belief, filtered = model.filter(observations[:, :context], actions[:, :context])
    first = filtered[:, context - 1 : context]
    if actions.shape[1] == context:
        return first
    return concatenate([first, model.imagine(belief, actions[:, context:])], dim=1)


@torch.no_grad()
def evaluate_blind(model: WorldModel, observations: Tensor, actions: Tensor, context: int) -> Prediction:
    """`blind_prediction` in evaluation mode and without gradients; the model's mode is put back after."""
    training = model.training
    model.eval()
    try:
        return blind_prediction(model, observations, actions, context)
    finally:
        model.train(training)
