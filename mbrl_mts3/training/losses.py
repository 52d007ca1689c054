"""What training minimises."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.errors import NonFiniteError
from mbrl_mts3.gaussian import negative_log_likelihood
from mbrl_mts3.models.prediction import Prediction


def prediction_losses(prediction: Prediction, batch: WindowBatch, where: Tensor | None = None) -> dict[str, Tensor]:
    """Mean loss per step of each head, in nats of normalised units.

    Args:
        prediction: (B, T) one-step or open-loop predictions.
        batch: the normalised windows that they predict.
        where: (B, T) bool, steps that count beside being valid; None means all.

    Returns:
        "observation": Gaussian NLL summed over the observation's dimensions; "reward": Gaussian NLL and
        "termination": binary cross entropy, where the model has these heads.
    """
    weight = (batch.valid if where is None else batch.valid & where).to(prediction.mean.dtype)
    targets = batch.observations[:, 1:]
    observation = negative_log_likelihood(prediction.mean, prediction.variance, targets).sum(dim=-1)
    losses = {"observation": _weighted_mean(observation, weight)}
    if prediction.reward_mean is not None and prediction.reward_variance is not None:
        reward = negative_log_likelihood(prediction.reward_mean, prediction.reward_variance, batch.rewards)
        losses["reward"] = _weighted_mean(reward, weight)
    if prediction.termination_logit is not None:
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(
            prediction.termination_logit, batch.terminations.to(prediction.mean.dtype), reduction="none"
        )
        losses["termination"] = _weighted_mean(entropy, weight)
    return losses


def total_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum; heads without a weight count once.

    Raises:
        NonFiniteError: a loss is NaN or infinite; the message says which.
    """
    broken = [f"{name} ({float(loss)})" for name, loss in losses.items() if not torch.isfinite(loss)]
    if broken:
        raise NonFiniteError(
            f"the loss of {', '.join(broken)} is not finite: lower the learning rate or the gradient clip, "
            "and check the data for extreme values"
        )
    return torch.stack([weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    # Padded steps hold finite but meaningless values, so they are multiplied away; at least one step always counts.
    return (values * weight).sum() / weight.sum().clamp_min(1.0)
