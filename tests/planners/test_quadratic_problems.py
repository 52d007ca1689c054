"""Planners on a linear system with a quadratic cost, against its optimum in closed form and in float64."""

import numpy as np
import pytest
import torch
from linear_quadratic import STARTS, best_plan, first_feedback, returns
from torch import Tensor

from mbrl_mts3.planners import CEM, ICEM, MPPI, GradientAscent, Plan, Planner, RandomShooting, coloured_covariance

HORIZON = 10
BOUNDS = ([-2.0], [2.0])
BEST = torch.as_tensor(np.stack([best_plan(start, HORIZON) for start in STARTS]))[..., None]


def objective(actions: Tensor) -> Tensor:
    return returns(torch.as_tensor(STARTS).to(actions)[:, None], actions)


def search(planner: Planner, decisions: int = 1) -> Plan:
    """The same decision again and again, from where the last search ended."""
    state = planner.initial_state(len(STARTS))
    for decision in range(decisions):
        plan = planner.plan(objective, state, torch.Generator().manual_seed(decision))
        state = type(state)(mean=plan.actions, elites=state.elites)
    return plan


def test_the_two_closed_forms_agree_and_lie_within_the_bounds() -> None:
    for start, plan in zip(STARTS, BEST, strict=True):
        np.testing.assert_allclose(-first_feedback(HORIZON) @ start, plan[0].numpy(), rtol=1e-10)
    assert BEST.abs().max() < 2


@pytest.mark.parametrize(
    ("planner", "lost"),
    [
        (CEM(*BOUNDS, horizon=HORIZON, iterations=12), 0.01),
        (GradientAscent(*BOUNDS, horizon=HORIZON, iterations=60, learning_rate=0.05), 0.001),
        (ICEM(*BOUNDS, horizon=HORIZON, iterations=12, noise_beta=1.0), 0.01),
        (MPPI(*BOUNDS, horizon=HORIZON, iterations=40, noise_std=0.1, temperature=0.05), 0.01),
        (RandomShooting(*BOUNDS, horizon=HORIZON, candidates=4000, noise_std=0.3), 0.2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_optimum_is_found(planner: Planner, lost: float) -> None:
    """How much of what can be gained over doing nothing is lost."""
    plan = search(planner, decisions=2)
    best, nothing = objective(BEST[:, None]), objective(torch.zeros_like(BEST)[:, None])
    achieved = objective(plan.actions.double()[:, None])
    shares = ((best - achieved) / (best - nothing)).flatten()
    assert (shares >= 0).all(), "better than the best: the oracle is wrong"
    assert (shares < lost).all()


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_mppi_as_published_finds_the_optimum_with_the_cost_of_its_noise(beta: float) -> None:
    """For a quadratic cost the weighted mean is that of the optimal distribution, from any mean that is sampled around:
    the optimum of return - temperature / 2 u' S^-1 u, S the covariance of the noise (coloured as well)."""
    temperature, std = 1.0, 0.5
    covariance = coloured_covariance(HORIZON, beta).numpy() * std**2
    added = temperature / 2 * np.linalg.inv(covariance)
    expected = np.stack([best_plan(start, HORIZON, added) for start in STARTS])
    published = MPPI(
        [-4.0], [4.0], horizon=HORIZON, candidates=40_000, iterations=4, temperature=temperature, control_weight=1.0,
        noise_beta=beta, noise_std=std / 4,
    )  # fmt: skip
    plan = search(published)
    without = np.abs(BEST[..., 0].numpy() - expected).max()
    assert without > 0.1, "the added cost makes no difference, so nothing is tested"
    np.testing.assert_allclose(plan.actions[..., 0].numpy(), expected, atol=0.2 * without)
