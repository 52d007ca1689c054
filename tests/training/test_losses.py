"""Losses against PyTorch's own, and their masks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mbrl_mts3.data import WindowBatch
from mbrl_mts3.errors import NonFiniteError
from mbrl_mts3.models import Prediction
from mbrl_mts3.training import prediction_losses, total_loss


def example(valid):
    batch = WindowBatch(
        torch.randn(2, 5, 3), torch.randn(2, 4, 1), torch.randn(2, 4), torch.rand(2, 4) < 0.5, torch.tensor(valid)
    )
    prediction = Prediction(
        torch.randn(2, 4, 3), torch.rand(2, 4, 3) + 0.1, torch.randn(2, 4), torch.rand(2, 4) + 0.1, torch.randn(2, 4)
    )
    return prediction, batch


def test_each_head_has_its_mean_over_valid_steps():
    valid = [[True] * 4, [True, True, False, False]]
    prediction, batch = example(valid)
    losses = prediction_losses(prediction, batch)
    keep = batch.valid
    nll = torch.nn.functional.gaussian_nll_loss(
        prediction.mean[keep], batch.observations[:, 1:][keep], prediction.variance[keep], full=True, reduction="sum"
    )
    torch.testing.assert_close(losses["observation"], nll / 6)
    reward = torch.nn.functional.gaussian_nll_loss(
        prediction.reward_mean[keep], batch.rewards[keep], prediction.reward_variance[keep], full=True
    )
    torch.testing.assert_close(losses["reward"], reward)
    chance = torch.sigmoid(prediction.termination_logit[keep])
    entropy = torch.nn.functional.binary_cross_entropy(chance, batch.terminations[keep].float())
    torch.testing.assert_close(losses["termination"], entropy)


def test_padding_never_counts():
    prediction, batch = example([[True] * 4, [False] * 4])
    spoiled = Prediction(*(t.index_fill(0, torch.tensor([1]), 1e6) for t in prediction.tensors()))
    for name, loss in prediction_losses(spoiled, batch).items():
        torch.testing.assert_close(loss, prediction_losses(prediction, batch)[name])


def test_a_reconstruction_is_one_of_the_observation_before_the_step():
    prediction, batch = example([[True] * 4, [True, True, False, False]])
    mean, variance = torch.randn(2, 4, 3), torch.rand(2, 4, 3) + 0.1
    held = replace(prediction, reconstruction=mean, reconstruction_variance=variance)
    keep = batch.valid
    nll = torch.nn.functional.gaussian_nll_loss(
        mean[keep], batch.observations[:, :-1][keep], variance[keep], full=True, reduction="sum"
    )
    losses = prediction_losses(held, batch)
    torch.testing.assert_close(losses["reconstruction"], nll / 6)
    without = prediction_losses(prediction, batch)
    torch.testing.assert_close(total_loss(losses, {}), total_loss(without, {}) + 0.3 * nll / 6)
    torch.testing.assert_close(total_loss(losses, {"reconstruction": 0.0}), total_loss(without, {}))


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.5, 1.0])
def test_beta_weights_gradients_by_powers_of_the_variance(beta: float) -> None:
    """By hand, of one entry: the likelihood's gradients are -(y - m) / v and (1 - (y - m)^2 / v) / 2v."""
    prediction, batch = example([[True] * 4, [True] * 4])
    mean, variance = (tensor.double().requires_grad_() for tensor in (prediction.mean, prediction.variance))
    doubles = WindowBatch(batch.observations.double(), batch.actions, batch.rewards, batch.terminations, batch.valid)
    prediction_losses(Prediction(mean, variance), doubles, beta=beta)["observation"].backward()
    error, weight = doubles.observations[:, 1:] - mean.detach(), variance.detach() ** beta
    torch.testing.assert_close(mean.grad, -weight * error / variance.detach() / 8)
    found = weight * (1 - error.square() / variance.detach()) / (2 * variance.detach()) / 8
    torch.testing.assert_close(variance.grad, found)


def test_beta_learns_an_entry_that_the_likelihood_leaves_behind() -> None:
    """Two entries of one step size: a sharp one, and one whose variance has grown before its mean was learned."""
    target = torch.tensor([0.0, 1.0])

    def error_after(beta: float) -> float:
        mean, log_variance = torch.tensor([0.0, -1.0]).requires_grad_(), torch.tensor([-6.0, 4.0]).requires_grad_()
        optimizer = torch.optim.SGD([mean, log_variance], lr=1e-3)
        batch = WindowBatch(
            target.expand(1, 2, 2), torch.zeros(1, 1, 1), torch.zeros(1, 1), torch.zeros(1, 1) > 0, torch.ones(1, 1) > 0
        )
        for _ in range(300):
            optimizer.zero_grad()
            losses = prediction_losses(Prediction(mean[None, None], log_variance.exp()[None, None]), batch, beta=beta)
            losses["observation"].backward()
            optimizer.step()
        return float((mean - target)[1].detach().abs())

    assert error_after(1.0) < 0.8 * error_after(0.5) < 0.8 * error_after(0.0)


def test_the_total_is_weighted_and_refuses_nan():
    losses = {"observation": torch.tensor(2.0), "reward": torch.tensor(3.0)}
    assert float(total_loss(losses, {"reward": 0.5})) == 3.5
    with pytest.raises(NonFiniteError, match="reward"):
        total_loss({**losses, "reward": torch.tensor(torch.nan)}, {})
