"""Predictions mixed into one have the moments of samples from all of them."""

from __future__ import annotations

import torch

from mbrl_mts3.predictions import MeanPrediction, Prediction, mix_means, mix_predictions


def parts(logits):
    means, deviations = torch.tensor([-1.0, 0.5, 2.0]).double(), torch.tensor([0.3, 1.0, 0.1]).double()
    shape = (3, 1, 1, 1)
    return Prediction(
        mean=means.view(shape),
        variance=deviations.square().view(shape),
        reward_mean=2 * means.view(3, 1, 1),
        reward_variance=deviations.view(3, 1, 1),
        termination_logit=logits.view(3, 1, 1),
    )


def test_the_moments_are_those_of_samples():
    given = parts(torch.tensor([-2.0, 0.0, 3.0]).double())
    mixed = mix_predictions(given, dim=0)
    noise = torch.randn(3, 400_000, dtype=torch.float64)
    samples = given.mean.view(3, 1) + given.variance.sqrt().view(3, 1) * noise
    torch.testing.assert_close(mixed.mean.squeeze(), samples.mean(), atol=0.01, rtol=0)
    torch.testing.assert_close(mixed.variance.squeeze(), samples.var(), atol=0, rtol=0.01)
    rewards = given.reward_mean.view(3, 1) + given.reward_variance.sqrt().view(3, 1) * noise
    torch.testing.assert_close(mixed.reward_mean.squeeze(), rewards.mean(), atol=0.02, rtol=0)
    torch.testing.assert_close(mixed.reward_variance.squeeze(), rewards.var(), atol=0, rtol=0.01)
    torch.testing.assert_close(mixed.termination_logit.sigmoid(), given.termination_logit.sigmoid().mean(0))


def test_chances_next_to_nothing_stay_apart():
    """As probabilities in single precision, all of these would be 1."""
    mixed = mix_predictions(parts(torch.tensor([40.0, 41.0, 42.0])), dim=0)
    assert 40 < mixed.termination_logit.item() < 42


def test_heads_that_are_not_there_stay_away():
    mixed = mix_predictions(Prediction(torch.zeros(3, 1, 1, 2), torch.ones(3, 1, 1, 2)), dim=0)
    assert mixed.reward_mean is mixed.reward_variance is mixed.termination_logit is None
    assert mix_means(MeanPrediction(torch.ones(3, 1, 1, 2)), dim=0).reward_mean is None
