"""Predictions of world models: means and variances, samples, single sampled steps, and mixtures of predictions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class Prediction(TensorRecord):
    """Gaussian predictions along a sequence; entry t is about the step that action t leads to.

    Shapes: `...` are batch dimensions (B) or (B, N candidates), L is the number of steps.
    Units are normalised when a `WorldModel` returns it, physical when a `PhysicalModel` does.
    """

    mean: Tensor
    """(..., L, obs): expected next observation o_{t+1}."""
    variance: Tensor
    """(..., L, obs): its variance, observation noise included."""
    reward_mean: Tensor | None = None
    """(..., L): expected reward r_t of the transition o_t, a_t -> o_{t+1}."""
    reward_variance: Tensor | None = None
    """(..., L)."""
    termination_logit: Tensor | None = None
    """(..., L): logit of the probability that the episode terminates at o_{t+1}."""
    epistemic_variance: Tensor | None = None
    """(..., L, obs): the part of `variance` that comes from an ensemble's disagreement; None for a single model."""
    change: Tensor | None = None
    """(..., L, obs): predicted o_{t+1} - o_t in units of `Normalizer.change_scale`; for the loss, in training mode
    only."""
    reconstruction: Tensor | None = None
    """(..., L, obs): o_t as decoded from the belief that was updated with it; for the loss, in training mode only."""
    reconstruction_variance: Tensor | None = None
    """(..., L, obs)."""


@dataclass(frozen=True, repr=False)
class MeanPrediction(TensorRecord):
    """The means of a `Prediction` without the variances; same shapes and units."""

    mean: Tensor
    """(..., L, obs)."""
    reward_mean: Tensor | None = None
    """(..., L)."""
    termination_logit: Tensor | None = None
    """(..., L)."""


@dataclass(frozen=True, repr=False)
class Trajectories(TensorRecord):
    """Sampled futures; each one is a sample of the whole sequence, observation noise included.

    Shapes: B beliefs, S samples, L steps. Units as in `Prediction`.
    """

    observations: Tensor
    """(B, S, L, obs): sampled next observations."""
    rewards: Tensor | None = None
    """(B, S, L)."""
    terminations: Tensor | None = None
    """(B, S, L): bool, sampled from the termination probability."""


@dataclass(frozen=True, repr=False)
class SampledStep(TensorRecord):
    """One sampled step of B futures, with the prediction that it was sampled from.

    Units are normalised when a `WorldModel` returns it, physical when a `PhysicalModel` does.
    """

    prediction: Prediction
    """(B, ...), without a dimension of steps."""
    observation: Tensor
    """(B, obs): the sampled o_{t+1}."""
    reward: Tensor | None = None
    """(B,): the sampled r_t."""
    termination: Tensor | None = None
    """(B,): bool, whether the episode terminates at o_{t+1}."""

    @classmethod
    def sample(cls, prediction: Prediction, generator: torch.Generator | None) -> SampledStep:
        """Sample from a prediction (B, 1, ...) of one step."""
        step = prediction[:, 0]
        terminated = None
        if step.termination_logit is not None:
            probability = torch.sigmoid(step.termination_logit)
            uniform = torch.rand(
                probability.shape, dtype=probability.dtype, device=probability.device, generator=generator
            )
            terminated = uniform < probability
        observation = _sample_normal(step.mean, step.variance, generator)
        reward = None if step.reward_mean is None else _sample_normal(step.reward_mean, step.reward_variance, generator)
        return cls(step, observation, reward, terminated)

    @classmethod
    def expected(cls, prediction: Prediction) -> SampledStep:
        """The mean of a prediction (B, 1, ...) of one step, and the more likely termination; nothing is sampled."""
        step = prediction[:, 0]
        logit = step.termination_logit
        return cls(step, step.mean, step.reward_mean, None if logit is None else logit > 0)


def _sample_normal(mean: Tensor, variance: Tensor | None, generator: torch.Generator | None) -> Tensor:
    if variance is None:
        return mean
    noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
    return torch.addcmul(mean, variance.sqrt(), noise)


def mix_predictions(parts: Prediction, dim: int) -> Prediction:
    """Mean and variance of the equally weighted mixture of the predictions along `dim`, which is removed.

        mean = E[mean_i]        variance = E[variance_i] + Var[mean_i]

    (laws of total expectation and total variance; Var divides by the number of parts). The termination logit is that
    of the mean probability.
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
        termination_logit=_mean_probability_logit(parts.termination_logit, dim),
        epistemic_variance=spread,
    )


def mix_means(parts: MeanPrediction, dim: int) -> MeanPrediction:
    """The means of `mix_predictions` alone."""
    return MeanPrediction(
        parts.mean.mean(dim),
        None if parts.reward_mean is None else parts.reward_mean.mean(dim),
        _mean_probability_logit(parts.termination_logit, dim),
    )


def _moments(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    # Not torch.var_mean: several times slower along a dimension in front.
    mean = values.mean(dim)
    return mean, (values - mean.unsqueeze(dim)).square().mean(dim)


def _mean_probability_logit(logits: Tensor | None, dim: int) -> Tensor | None:
    """The logit of the mean probability, computed in logarithms, because logits of 40 do occur."""
    if logits is None:
        return None
    log_true = torch.nn.functional.logsigmoid(logits).logsumexp(dim)
    return log_true - torch.nn.functional.logsigmoid(-logits).logsumexp(dim)
