"""Several predictions of the same thing as one: the moments of their equally weighted mixture."""

from __future__ import annotations

import torch
from torch import Tensor

from mbrl_mts3.models.prediction import MeanPrediction, Prediction


def mixture(parts: Prediction, dim: int) -> Prediction:
    """Mean and variance of the mixture of predictions that lie along `dim`, which goes.

        mean = E[mean_i]        variance = E[variance_i] + Var[mean_i]

    (the laws of total expectation and variance; Var over the parts themselves, so divided by their number.)
    Terminations get the logit of the mean probability.
    """
    mean, spread = _moments(parts.mean, dim)
    reward_mean, reward_variance = parts.reward_mean, parts.reward_variance
    if reward_mean is not None and reward_variance is not None:
        reward_mean, reward_spread = _moments(reward_mean, dim)
        reward_variance = reward_variance.mean(dim) + reward_spread
    return Prediction(
        mean=mean,
        variance=parts.variance.mean(dim) + spread,
        reward_mean=reward_mean,
        reward_variance=reward_variance,
        termination_logit=_mean_chance(parts.termination_logit, dim),
        epistemic_variance=spread,
    )


def mixture_mean(parts: MeanPrediction, dim: int) -> MeanPrediction:
    """The means of `mixture` alone."""
    return MeanPrediction(
        parts.mean.mean(dim),
        None if parts.reward_mean is None else parts.reward_mean.mean(dim),
        _mean_chance(parts.termination_logit, dim),
    )


def _moments(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    # Not torch.var_mean: several times slower along a dimension in front.
    mean = values.mean(dim)
    return mean, (values - mean.unsqueeze(dim)).square().mean(dim)


def _mean_chance(logits: Tensor | None, dim: int) -> Tensor | None:
    """The logit of the mean of probabilities; in logarithms, because logits of 40 are no rarity."""
    if logits is None:
        return None
    happens = torch.nn.functional.logsigmoid(logits).logsumexp(dim)
    return happens - torch.nn.functional.logsigmoid(-logits).logsumexp(dim)
