"""MPPI and iCEM against pytorch_mppi and pytorch_icem: the same plans in distribution, over many seeds.

The libraries draw other random numbers, so plans are compared by the mean and the standard deviation of their first
actions and returns over the seeds: means may differ by four standard errors of their difference and what is said in the
test, standard deviations by a quarter.
"""

from typing import Any

import numpy as np
import pytest
import torch
from linear_quadratic import STARTS, cost, move, returns
from torch import Tensor

from mbrl_mts3.planners import ICEM, MPPI, Plan, Planner

SEEDS = 300
HORIZON = 10
START = torch.as_tensor(STARTS[0]).float()
# Wide enough for iCEM never to be clipped: pytorch_icem has no bounds.
HALF_RANGE = 10.0


def assert_same_distribution(ours: Tensor, theirs: Tensor, *, apart: float = 0.0) -> None:
    """`apart`: how far means may differ besides, in standard deviations of theirs."""
    spread = theirs.std()
    error = ((ours.var() + theirs.var()) / SEEDS).sqrt()
    assert (ours.mean() - theirs.mean()).abs() < 4 * error + apart * spread
    assert 0.75 < ours.std() / spread < 1.33


def our_plans(planner: Planner) -> Plan:
    """Plans (SEEDS, L, 1), each with a generator of its own."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]
    state = planner.initial_state(SEEDS)
    return planner.plan(lambda actions: returns(START, actions), state, generators)


def compare(ours: Tensor, theirs: Tensor, **tolerance: float) -> None:
    for step in (0, 2, 5):
        assert_same_distribution(ours[:, step, 0], theirs[:, step, 0], **tolerance)
    assert_same_distribution(returns(START, ours), returns(START, theirs), **tolerance)


@pytest.mark.parametrize(("temperature", "iterations"), [(0.1, 1), (0.1, 3), (1.0, 3)])
def test_mppi_plans_as_pytorch_mppi(temperature: float, iterations: int) -> None:
    library = pytest.importorskip("pytorch_mppi", reason="the extra 'dev' brings pytorch_mppi")
    bound = torch.tensor([1.0])

    def their_plan(seed: int) -> Tensor:
        torch.manual_seed(seed)
        mppi: Any = library.MPPI(
            move, cost, 2, 0.25 * torch.eye(1), num_samples=64, horizon=HORIZON, lambda_=temperature,
            u_min=-bound, u_max=bound, U_init=torch.zeros(HORIZON, 1),
        )  # fmt: skip
        for _ in range(iterations):
            mppi.command(START, shift_nominal_trajectory=False)
        return mppi.U.clone()

    with torch.random.fork_rng():
        theirs = torch.stack([their_plan(seed) for seed in range(SEEDS)])
    ours = MPPI(
        -bound, bound, horizon=HORIZON, candidates=64, iterations=iterations, temperature=temperature,
        control_weight=1.0, noise_beta=0.0, noise_std=0.5,
    )  # fmt: skip
    compare(our_plans(ours).actions, theirs)


@pytest.mark.filterwarnings("ignore:To copy construct")
@pytest.mark.parametrize(("beta", "iterations"), [(0.0, 3), (2.0, 1), (2.0, 3)])
def test_icem_plans_as_pytorch_icem(beta: float, iterations: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared by the mean of the search. pytorch_icem begins without kept elites, divides by n - 1 in the spread of
    the elites and never tries the mean: hence the tolerance of half a standard deviation."""
    library = pytest.importorskip("pytorch_icem", reason="the extra 'dev' brings pytorch_icem")
    # Its coloured noise takes a new generator from the system's entropy at each call.
    noise = np.random.default_rng(0)
    monkeypatch.setattr("colorednoise.default_rng", lambda seed: noise)

    def trajectory_cost(states: Tensor, actions: Tensor) -> Tensor:
        return cost(states, actions).sum(dim=-1)

    def their_plan(seed: int) -> Tensor:
        torch.manual_seed(seed)
        icem: Any = library.iCEM(
            move, trajectory_cost, 2, 1, sigma=torch.tensor([0.5]), num_samples=100, num_elites=20, horizon=HORIZON,
            elites_keep_fraction=0.25, alpha=0.1, noise_beta=beta, warmup_iters=iterations,
        )  # fmt: skip
        icem.command(START, shift_nominal_trajectory=False)
        return torch.as_tensor(icem.mean).clone()

    with torch.random.fork_rng():
        theirs = torch.stack([their_plan(seed) for seed in range(SEEDS)])
    ours = ICEM(
        [-HALF_RANGE], [HALF_RANGE], horizon=HORIZON, candidates=100, iterations=iterations, elites=20,
        kept_fraction=0.25, decay=1.0, momentum=0.1, noise_beta=beta, noise_std=0.5 / HALF_RANGE,
    )  # fmt: skip
    # The warm start is moved on by one step.
    compare(our_plans(ours).state.mean[:, :-1], theirs[:, 1:], apart=0.5)
