"""A cause shared over several steps, against the dense joint covariance."""

from __future__ import annotations

import numpy as np
import torch

from mbrl_mts3.gaussian import (
    DiagonalMap,
    Evidence,
    FactorisedGaussian,
    SharedLatentCovariance,
    SharedLatentMaps,
    condition,
    condition_shared,
)


def run_shared(transition, link, state, cause, noise, steps, evidence=None):
    maps = SharedLatentMaps(transition.to_dense(), link.to_dense())
    shared = SharedLatentCovariance(torch.zeros(2 * len(state.mean)).double())
    history = []
    for t in range(steps):
        if evidence is not None:
            shared, state = condition_shared(shared, state, evidence[t]), condition(state, evidence[t])
        gain = maps.covariance_gain(shared, cause)
        moved, pushed = transition.apply(state), link.apply(cause)
        shared = maps.advance(shared, cause)
        state = FactorisedGaussian(moved.mean + pushed.mean, moved.covariance + pushed.covariance + gain + noise)
        history.append(state)
    return history


def test_open_loop_variance_is_exact_where_the_projection_loses_nothing(random_belief, dense, projected):
    rng = np.random.default_rng(0)
    n, steps = 3, 12
    transition = DiagonalMap(torch.tensor(rng.normal(size=(n, 2, 2)) * 0.5))
    link = DiagonalMap(torch.tensor(rng.normal(size=(n, 2, 2))))
    state, cause = random_belief(rng, n), random_belief(rng, n)
    noise = torch.tensor([0.1] * (2 * n) + [0.0] * n, dtype=torch.float64)
    history = run_shared(transition, link, state, cause, noise, steps)
    a, c = transition.to_dense().numpy(), link.to_dense().numpy()
    _, s = dense(state)
    _, cov_l = dense(cause)
    # z_t = A^t z_0 + (sum_i A^i C) l + noise: one l, so its pushes add up before they are squared.
    power, pushes, noises = np.eye(2 * n), np.zeros((2 * n, 2 * n)), np.zeros((2 * n, 2 * n))
    for belief in history:
        pushes, noises = a @ pushes + c, a @ noises @ a.T + 0.1 * np.eye(2 * n)
        power = a @ power
        expected = power @ s @ power.T + pushes @ cov_l @ pushes.T + noises
        np.testing.assert_allclose(belief.covariance.numpy(), projected(expected), rtol=1e-9, atol=1e-12)


def test_adding_the_cause_anew_each_step_understates_the_variance(random_belief):
    """docs: the published treatment is many times too sure; this is why the exact one exists."""
    state = FactorisedGaussian(torch.zeros(2).double(), torch.tensor([1e-6, 1e-6, 0.0]).double())
    cause = FactorisedGaussian(torch.zeros(2).double(), torch.tensor([1.0, 1.0, 0.0]).double())
    slow = DiagonalMap(0.99 * torch.eye(2)[None].double())
    noise = torch.zeros(3).double()
    exact = run_shared(slow, DiagonalMap(torch.eye(2)[None].double()), state, cause, noise, 30)[-1]
    independent = state
    for _ in range(30):
        independent = slow.apply(independent) + cause
    assert float(exact.covariance[0] / independent.covariance[0]) > 20


def test_observing_in_between_keeps_the_joint_covariance_valid_and_exact(random_belief, dense):
    rng = np.random.default_rng(1)
    n, steps = 2, 6
    transition = DiagonalMap(torch.tensor(rng.normal(size=(n, 2, 2)) * 0.6))
    link = DiagonalMap(torch.tensor(rng.normal(size=(n, 2, 2))))
    state, cause = random_belief(rng, n), random_belief(rng, n)
    evidence = [
        Evidence.from_observation(torch.randn(n).double(), torch.rand(n).double() + 0.2, None) for _ in range(steps)
    ]
    maps = SharedLatentMaps(transition.to_dense(), link.to_dense())
    shared = SharedLatentCovariance(torch.zeros(4 * n).double())
    a, c = transition.to_dense().numpy(), link.to_dense().numpy()
    _, cov = dense(state)
    _, cov_l = dense(cause)
    root = np.linalg.cholesky(cov_l.reshape(2, n, 2, n).transpose(1, 3, 0, 2)[np.arange(n), np.arange(n)])
    factor = np.zeros((2 * n, 2 * n))
    for i in range(n):
        factor[np.ix_([i, n + i], [i, n + i])] = root[i]
    cross = np.zeros((2 * n, 2 * n))
    for t in range(steps):
        before = state
        state = condition(state, evidence[t])
        shared = condition_shared(shared, before, evidence[t])
        observe = np.hstack([np.eye(n), np.zeros((n, n))])
        gain = cov @ observe.T @ np.linalg.inv(observe @ cov @ observe.T + np.diag(1 / evidence[t].precision.numpy()))
        cov, cross = (np.eye(2 * n) - gain @ observe) @ cov, (np.eye(2 * n) - gain @ observe) @ cross
        step = transition.apply(state).covariance + link.apply(cause).covariance + maps.covariance_gain(shared, cause)
        shared = maps.advance(shared, cause)
        state = FactorisedGaussian(state.mean, step)
        pushed = c @ factor
        cov = a @ cov @ a.T + pushed @ pushed.T + a @ cross @ pushed.T + (a @ cross @ pushed.T).T
        cross = a @ cross + pushed
        np.testing.assert_allclose(state.to_dense().numpy(), cov, rtol=1e-9, atol=1e-10)
        joint = np.block([[cov, cross], [cross.T, np.eye(2 * n)]])
        assert np.linalg.eigvalsh(joint).min() > -1e-9


def test_the_gain_of_full_matrices_is_the_projected_dense_gain(random_belief, dense, projected):
    rng = np.random.default_rng(2)
    n = 4
    a, c = rng.normal(size=(2, 2 * n, 2 * n))
    cause = random_belief(rng, n)
    blocks = torch.tensor(rng.normal(size=4 * n))
    g_uu, g_ul, g_lu, g_ll = (np.diag(part) for part in np.split(blocks.numpy(), 4))
    g = np.block([[g_uu, g_ul], [g_lu, g_ll]])
    root, cross, rest = (np.diag(part.numpy()) for part in cause.cholesky())
    r = np.block([[root, np.zeros((n, n))], [cross, rest]])
    np.testing.assert_allclose(r @ r.T, dense(cause)[1], atol=1e-12)
    maps, shared = SharedLatentMaps(torch.tensor(a), torch.tensor(c)), SharedLatentCovariance(blocks)
    x = g @ r.T
    expected = a @ x @ c.T + c @ x.T @ a.T
    np.testing.assert_allclose(maps.covariance_gain(shared, cause).numpy(), projected(expected), rtol=1e-10, atol=1e-10)
    moved = a @ g + c @ r
    packed = np.concatenate([np.diag(moved[i : i + n, j : j + n]) for i in (0, n) for j in (0, n)])
    np.testing.assert_allclose(maps.advance(shared, cause).blocks.numpy(), packed, rtol=1e-10, atol=1e-10)
