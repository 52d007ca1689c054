"""Noise of the data's autocovariance, against autoregressive processes whose autocovariance is known in closed form."""

from typing import Any

import numpy as np
import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners import CEM, ICEM, MPPI, DataNoise, GradientAscent, Planner, RandomShooting

# x_t = DECAY x_{t-1} + e_t, entry by entry, with correlated e: the covariance of x_{t+k} and x_t is DECAY^k V, with
# V_ij = Q_ij / (1 - DECAY_i DECAY_j).
DECAY = np.array([0.95, 0.5, -0.4])
SHOCK = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.5], [0.0, -0.5, 0.3]])
STATIONARY = SHOCK / (1 - np.outer(DECAY, DECAY))
MEAN = np.array([3.0, -1.0, 0.0])


def autoregressive(episodes: int, steps: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    state = rng.multivariate_normal(np.zeros(3), STATIONARY, episodes)
    rows = []
    for shock in rng.multivariate_normal(np.zeros(3), SHOCK, (steps, episodes)):
        rows.append(state + MEAN)
        state = DECAY * state + shock
    return list(np.stack(rows, axis=1).astype(np.float32))


def expected(horizon: int) -> np.ndarray:
    """Correlation of sequences in closed form."""
    scale = np.sqrt(STATIONARY.diagonal())
    found = np.empty((horizon, 3, horizon, 3))
    for s in range(horizon):
        for t in range(horizon):
            block = DECAY[:, None] ** (s - t) * STATIONARY if s >= t else (DECAY[:, None] ** (t - s) * STATIONARY).T
            found[s, :, t, :] = block / np.outer(scale, scale)
    return found.reshape(3 * horizon, 3 * horizon)


@pytest.fixture(scope="module")
def fitted() -> DataNoise:
    return DataNoise(autoregressive(episodes=200, steps=1000))


def test_the_estimate_is_the_process(fitted: DataNoise) -> None:
    np.testing.assert_allclose(fitted.std, np.sqrt(STATIONARY.diagonal()), rtol=0.03)
    np.testing.assert_allclose(fitted.correlation(12), expected(12), atol=0.03)


def test_samples_move_as_the_process(fitted: DataNoise) -> None:
    noise = fitted.sample(20_000, 12, torch.Generator().manual_seed(0))
    assert noise.shape == (20_000, 12, 3)
    rows = noise.reshape(len(noise), -1).double()
    np.testing.assert_allclose(rows.mean(dim=0), 0, atol=0.05)
    np.testing.assert_allclose((rows.T @ rows / len(rows)).numpy(), expected(12), atol=0.05)


def test_short_episodes_and_constant_entries_give_a_valid_covariance() -> None:
    """Fewer steps than the plan has: what was never seen is uncorrelated, and an entry without motion stays still."""
    rng = np.random.default_rng(0)
    actions = [np.c_[np.cumsum(rng.normal(size=steps)), np.ones(steps)].astype(np.float32) for steps in (3, 1, 7)]
    noise = DataNoise(actions)
    assert noise.std[1] == 0
    assert torch.linalg.eigvalsh(noise.correlation(20)).min() > -1e-9
    assert noise.sample(5, 20, torch.Generator().manual_seed(0)).isfinite().all()


def test_each_problem_may_have_its_own_generator(fitted: DataNoise) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in (4, 5)]
    both = fitted.sample(6, 9, generators)
    alone = [fitted.sample(6, 9, torch.Generator().manual_seed(seed)) for seed in (4, 5)]
    assert torch.equal(both, torch.stack(alone))


@pytest.mark.parametrize("planner", [CEM, GradientAscent, ICEM, MPPI, RandomShooting])
def test_every_planner_samples_it(planner: type[Planner], fitted: DataNoise) -> None:
    """With a deviation of 1 and wide bounds the first candidates have the deviations of the data."""
    seen: list[torch.Tensor] = []

    def objective(actions: torch.Tensor) -> torch.Tensor:
        seen.append(actions.detach())
        return -actions.square().sum(dim=(-1, -2))

    searching = planner([-90.0] * 3, [90.0] * 3, horizon=5, candidates=2000, noise_std=1.0, noise=fitted)
    searching.plan(objective, searching.initial_state(1), torch.Generator().manual_seed(0))
    candidates = seen[0][0, 1:]
    np.testing.assert_allclose(candidates.std(dim=0).numpy(), np.tile(fitted.std, (5, 1)), rtol=0.1)
    neighbours = np.corrcoef(candidates[:, 0, 0], candidates[:, 1, 0])[0, 1]
    assert neighbours == pytest.approx(DECAY[0], abs=0.03)


def test_what_does_not_move_is_refused() -> None:
    for actions in ([], [np.ones((9, 2), np.float32)]):
        with pytest.raises(ConfigurationError, match="noise=data"):
            DataNoise(actions)
    with pytest.raises(ConfigurationError, match="control_weight"):
        MPPI([-1.0] * 3, [1.0] * 3, noise=DataNoise(autoregressive(2, 9)), control_weight=1.0)
