"""What every planner must do, on objectives whose optimum is known."""

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mbrl_mts3.data import Episode
from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.planners import CEM, ICEM, MPPI, GradientAscent, Hierarchical, Objective, Plan, Planner, RandomShooting
from mbrl_mts3.predictions import MeanPrediction, Prediction

LOW, HIGH = [-1.0, 0.0], [1.0, 4.0]
PLANNERS: list[type[Planner]] = [CEM, GradientAscent, Hierarchical, ICEM, MPPI, RandomShooting]
# Those that evaluate nothing but candidates.
PLAIN = (ICEM, RandomShooting)


def make(planner: type[Planner], **options: Any) -> Planner:
    defaults: dict[str, Any] = {"horizon": 6, "candidates": 20 if planner is GradientAscent else 200}
    if planner is Hierarchical:
        defaults |= {"window": 3, "far_cells": 3, "far_candidates": 20, "guidance": 0.0}
    return planner(LOW, HIGH, **{**defaults, **options}).fit(episodes(), torch.ones(2))


def episodes() -> list[Episode]:
    """Of a ball in a box of the size of the actions, which are its velocities."""
    rng, found = np.random.default_rng(0), []
    for _ in range(20):
        actions = rng.uniform(LOW, HIGH, (30, 2)).astype(np.float32)
        observations = np.concatenate([np.zeros((1, 2)), actions - actions.mean(axis=0)]).cumsum(axis=0)
        flags = np.zeros(30, np.bool_)
        found.append(Episode(observations.astype(np.float32), actions, np.zeros(30, np.float32), flags, flags))
    return found


class Imagining:
    """An objective for planners that ask where plans begin and lead to: actions are velocities, from the origin on."""

    def __init__(self, objective: Objective, batch: int, steps: int) -> None:
        self.objective, self.steps, self.observation = objective, steps, torch.zeros(batch, 2)

    def __call__(self, actions: Tensor) -> Tensor:
        return self.objective(actions)

    def imagine(self, actions: Tensor) -> tuple[Tensor, MeanPrediction]:
        return actions, MeanPrediction(actions.cumsum(dim=-2))

    def score(
        self, actions: Tensor, prediction: Prediction | MeanPrediction, *, discount: float | None = None
    ) -> Tensor:
        weight = 1.0 if discount is None else discount
        return self.objective(actions[:, :, : self.steps] * weight ** torch.arange(self.steps)[:, None])


def pose(planner: Planner, objective: Objective, batch: int) -> Objective:
    return Imagining(objective, batch, planner.horizon) if isinstance(planner, Hierarchical) else objective


def near(target: Tensor) -> Objective:
    """Largest (zero) where every action is the target (B, act)."""
    return lambda actions: -(actions - target[:, None, None]).square().sum(dim=(-1, -2))


def rugged(target: Tensor) -> Objective:
    """`near`, with many local optima, and with actions that depend on each other."""
    return lambda actions: (
        near(target)(actions)
        + torch.sin(6 * actions).sum(dim=(-1, -2))
        - 0.3 * actions.sum(dim=-2).square().sum(dim=-1)
    )


def search(planner: Planner, objective: Objective, batch: int = 1, seed: int = 0, decisions: int = 1) -> Plan:
    state = planner.initial_state(batch)
    for decision in range(decisions):
        plan = planner.plan(pose(planner, objective, batch), state, torch.Generator().manual_seed(seed + decision))
        state = plan.state
    return plan


TARGETS = torch.tensor([[0.5, 3.0], [-0.7, 0.5], [0.0, 2.0]])


@pytest.mark.parametrize("planner", PLANNERS)
def test_plans_have_shapes_values_and_lie_within_the_bounds(planner: type[Planner]) -> None:
    beyond = near(torch.tensor([[9.0, -9.0], [-9.0, 9.0]]))
    plan = search(make(planner), beyond, batch=2, decisions=3)
    assert plan.actions.shape == (2, 6, 2)
    assert torch.equal(plan.action, plan.actions[:, 0])
    assert torch.allclose(plan.value, beyond(plan.actions[:, None])[:, 0])
    assert (plan.actions >= torch.tensor(LOW)).all()
    assert (plan.actions <= torch.tensor(HIGH)).all()


@pytest.mark.parametrize(
    ("planner", "tolerance"),
    [
        (make(CEM, iterations=8), 0.1),
        (make(GradientAscent), 0.05),
        (make(Hierarchical, iterations=8), 0.1),
        (make(ICEM, iterations=8), 0.1),
        (make(MPPI, iterations=20, noise_std=0.2), 0.1),
        (make(RandomShooting, candidates=4_000), 0.5),
    ],
)
def test_comes_near_a_known_optimum(planner: Planner, tolerance: float) -> None:
    plan = search(planner, near(TARGETS), batch=3, decisions=4)
    error = (plan.actions - TARGETS[:, None]) / planner.half_range
    assert error.square().mean().sqrt() < tolerance


@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), -float("inf")])
def test_non_finite_returns_rank_last(planner: type[Planner], poison: float) -> None:
    def objective(actions: Tensor) -> Tensor:
        values = -100 - actions[..., 0, 0]
        return torch.where(actions[..., 0, 0] > 0, poison, values)

    plan = search(make(planner), objective, decisions=3)
    assert plan.value.isfinite().all()
    assert (plan.action[:, 0] <= 0).all()


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_plan_without_any_finite_return_says_so_and_stays_in_the_box(planner: type[Planner]) -> None:
    plan = search(make(planner), lambda actions: actions.sum(dim=(-1, -2)) * torch.nan, decisions=2)
    assert plan.value.item() == -torch.inf
    assert all(tensor.isfinite().all() for tensor in (plan.actions, plan.state.mean, plan.state.elites))


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_batch_of_one_plans_like_one_of_a_batch(planner: type[Planner]) -> None:
    together = search(make(planner), near(TARGETS), batch=3, decisions=2)
    for index in range(3):
        alone = search(make(planner), near(TARGETS[index : index + 1]), decisions=2)
        torch.testing.assert_close(alone.actions[0], together.actions[index])
        torch.testing.assert_close(alone.state.mean[0], together.state.mean[index])


@pytest.mark.parametrize("planner", PLANNERS)
def test_each_problem_may_have_a_generator_of_its_own(planner: type[Planner]) -> None:
    searching, seeds = make(planner), (3, 8, 3)
    made = [torch.Generator().manual_seed(seed) for seed in seeds]
    together = searching.plan(pose(searching, near(TARGETS), 3), searching.initial_state(3), made)
    for index, seed in enumerate(seeds):
        alone = search(searching, near(TARGETS[index : index + 1]), seed=seed)
        torch.testing.assert_close(alone.actions[0], together.actions[index])


@pytest.mark.parametrize("planner", PLANNERS)
def test_same_seed_same_plan_and_nothing_is_remembered(planner: type[Planner]) -> None:
    reused = make(planner)
    first = search(reused, rugged(TARGETS), batch=3, seed=7)
    search(reused, rugged(-TARGETS), batch=3, seed=8, decisions=2)
    assert torch.equal(first.actions, search(reused, rugged(TARGETS), batch=3, seed=7).actions)
    assert not torch.equal(first.actions, search(reused, rugged(TARGETS), batch=3, seed=9).actions)


@pytest.mark.parametrize("planner", PLANNERS)
def test_the_warm_start_is_the_plan_moved_by_one_step(planner: type[Planner]) -> None:
    ramp = torch.linspace(-1, 1, 6)
    follow: Objective = lambda actions: -(actions[..., 0] - ramp).square().sum(dim=-1)  # noqa: E731
    plan = search(make(planner), follow, decisions=5)
    gone_on = plan.state.mean[0, :-1, 0]
    assert (gone_on - ramp[1:]).abs().mean() < (gone_on - ramp[:-1]).abs().mean()


LED = {"guidance": 2.0, "persistence": 0.3, "far_interval": 1, "far_candidates": 5}
"""A far level that the plan follows closely."""
SHARED = {"horizon": 7, "candidates": 100, "noise_beta": 0.0, "noise_std": 0.2}
OPTIONS: dict[type[Planner], dict[str, Any]] = {
    CEM: {**SHARED, "noise_beta": 1.0, "iterations": 2, "elites": 5, "momentum": 0.5},
    GradientAscent: {**SHARED, "candidates": 5, "iterations": 3, "learning_rate": 0.2},
    Hierarchical: {
        **SHARED,
        "iterations": 2,
        "elites": 5,
        "kept_fraction": 0.8,
        "decay": 2.0,
        "momentum": 0.5,
        "far_cells": 2,
        "far_candidates": 30,
        "far_interval": 3,
        "far_discount": 0.5,
        "guidance": 5.0,
        "tolerance": 1e9,
        "window": 4,
        "stride": 2,
        "neighbours": 2,
        "radius": 10.0,
        "persistence": 0.9,
    },
    ICEM: {**SHARED, "iterations": 2, "elites": 5, "kept_fraction": 0.8, "decay": 2.0, "momentum": 0.5},
    MPPI: {**SHARED, "iterations": 2, "temperature": 2.0, "control_weight": 1.0},
    RandomShooting: SHARED,
}


def test_every_option_is_tried() -> None:
    for planner in PLANNERS:
        assert set(OPTIONS[planner]) == set(inspect.signature(planner).parameters) - {
            "action_low",
            "action_high",
            "budget_ms",
            "noise",
        }


@pytest.mark.parametrize(("planner", "option"), [(planner, name) for planner in OPTIONS for name in OPTIONS[planner]])
def test_every_option_changes_the_plan(planner: type[Planner], option: str) -> None:
    led: dict[str, Any] = LED if planner is Hierarchical else {}
    usual = search(make(planner, **led), rugged(TARGETS), batch=3, decisions=6)
    changed = {**led, option: OPTIONS[planner][option]}
    other = search(make(planner, **changed), rugged(TARGETS), batch=3, decisions=6)
    assert usual.action.shape == other.action.shape
    assert not torch.equal(usual.action, other.action)


@pytest.mark.parametrize("planner", PLANNERS)
def test_the_bounds_are_the_ones_given(planner: type[Planner]) -> None:
    shifted = planner([2.0, 2.0], [3.0, 3.0], horizon=3, candidates=200).fit(episodes(), torch.ones(2))
    plan = search(shifted, lambda actions: actions.sum(dim=(-1, -2)), decisions=3)
    assert ((plan.actions >= 2) & (plan.actions <= 3)).all()
    assert plan.actions.mean() > 2.8


def test_icem_tries_as_many_candidates_as_it_says() -> None:
    tried: list[int] = []

    def count(actions: Tensor) -> Tensor:
        tried.append(actions.shape[1])
        return actions.sum(dim=(-1, -2))

    search(make(ICEM, candidates=200, iterations=4, decay=2.0, elites=20), count)
    assert tried == [200, 100, 50, 40]


def test_icem_tries_kept_elites_again_and_the_mean_last() -> None:
    seen: list[Tensor] = []
    objective = near(TARGETS[:1])

    def watch(actions: Tensor) -> Tensor:
        seen.append(actions)
        return objective(actions)

    planner = make(ICEM, iterations=2, elites=10, kept_fraction=0.5, momentum=0.0)
    search(planner, watch)
    best = seen[0][0, objective(seen[0])[0].argsort(descending=True)]
    torch.testing.assert_close(seen[1][0, :5], best[:5])
    torch.testing.assert_close(seen[1][0, 5], best[:10].mean(dim=0))


@pytest.mark.parametrize("planner", PLANNERS)
def test_the_spread_is_that_of_the_last_iteration_without_what_is_not_finite(planner: type[Planner]) -> None:
    seen: list[Tensor] = []

    def watch(actions: Tensor) -> Tensor:
        values = near(TARGETS)(actions)
        seen.append(values.detach().where(actions.detach()[..., 0, 0] < 0.5, torch.nan))
        return values.where(actions[..., 0, 0] < 0.5, torch.nan)

    plan = search(make(planner), watch, batch=3)
    # The others evaluate one more time what they end with.
    last = seen[-1] if planner in PLAIN else seen[-2]
    expected = [values[values.isfinite()].double().std(correction=0) for values in last]
    torch.testing.assert_close(plan.spread.double(), torch.stack(expected), rtol=1e-4, atol=1e-5)


class Clock:
    """A clock that only the objective moves, so that a busy machine changes nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr("mbrl_mts3.planners.stopwatch.time.perf_counter", lambda: self.seconds)

    def slow(self, milliseconds: float) -> Objective:
        """`near` TARGETS, in as much time."""

        def objective(actions: Tensor) -> Tensor:
            self.seconds += milliseconds / 1e3
            return near(TARGETS)(actions)

        return objective


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


ENDLESS: dict[type[Planner], dict[str, Any]] = {
    planner: {} if planner is RandomShooting else {"iterations": 500} for planner in PLANNERS
}


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_budget_ends_the_search_in_time(planner: type[Planner], clock: Clock) -> None:
    plan = search(make(planner, budget_ms=100.5, **ENDLESS[planner]), clock.slow(20), batch=3)
    # Five evaluations of 20 ms: most evaluate once more what they end with, one also the far plans at first.
    done = 5 if planner in PLAIN else 3 if planner is Hierarchical else 4
    assert plan.iterations.tolist() == [done] * 3
    torch.testing.assert_close(plan.milliseconds, torch.full((3,), 100.0))
    assert torch.allclose(plan.value, near(TARGETS)(plan.actions[:, None])[:, 0])
    if planner in (CEM, GradientAscent, MPPI):
        same = search(make(planner, iterations=done), near(TARGETS), batch=3)
        torch.testing.assert_close(same.actions, plan.actions)
    else:
        less = {"candidates": 25} if planner is RandomShooting else {"iterations": 1}
        assert (search(make(planner, **less), near(TARGETS), batch=3).value <= plan.value).all()


def test_an_iteration_that_is_slower_than_the_others_is_expected_again(clock: Clock) -> None:
    """After 10 and 60 ms there are 30 ms left of 100: too few for another one of 60."""
    seconds = iter([0.01, 0.06, 0.01])

    def objective(actions: Tensor) -> Tensor:
        clock.seconds += next(seconds)
        return near(TARGETS)(actions)

    assert search(make(ICEM, budget_ms=100.0, iterations=9), objective, batch=3).iterations.tolist() == [2] * 3


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_budget_that_suffices_changes_nothing(planner: type[Planner]) -> None:
    usual = search(make(planner), near(TARGETS), batch=3, decisions=2)
    other = search(make(planner, budget_ms=1e6), near(TARGETS), batch=3, decisions=2)
    torch.testing.assert_close(usual.actions, other.actions, rtol=0, atol=0)
    torch.testing.assert_close(usual.state.mean, other.state.mean, rtol=0, atol=0)


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_budget_too_short_for_one_iteration_does_one_and_warns_once(planner: type[Planner], clock: Clock) -> None:
    searching = make(planner, budget_ms=1.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        plan = search(searching, clock.slow(5), batch=3, decisions=3)
    assert plan.iterations.tolist() == [1, 1, 1]
    assert plan.value.isfinite().all()
    assert len(told) == 1
    assert "budget_ms=1.0 was too short for one iteration" in str(told[0].message)


# What the planners found before there were budgets.
FORMER: dict[type[Planner], tuple[list[float], list[float]]] = {
    ICEM: ([-0.05118212848901749, -0.03590035066008568, 0.0], [0.4542638063430786, 3.0660126209259033]),
    RandomShooting: ([-3.7356770038604736, -4.796926021575928, 0.0], [0.6937990784645081, 3.287235975265503]),
}


@pytest.mark.parametrize("planner", FORMER)
def test_without_a_budget_plans_are_what_they_were(planner: type[Planner]) -> None:
    value, action = FORMER[planner]
    plan = search(make(planner), near(TARGETS), batch=3, decisions=3)
    torch.testing.assert_close(plan.value, torch.tensor(value), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(plan.action[0], torch.tensor(action), rtol=1e-5, atol=1e-6)


def test_the_far_level_needs_data_and_an_objective_that_imagines() -> None:
    with pytest.raises(ConfigurationError, match=r"fit\(episodes, scale\)"):
        Hierarchical(LOW, HIGH).initial_state(1)
    planner = make(Hierarchical)
    with pytest.raises(ConfigurationError, match="RolloutObjective"):
        planner.plan(near(TARGETS), planner.initial_state(3))


def test_gradient_ascent_refuses_what_has_no_gradient() -> None:
    with pytest.raises(ConfigurationError, match="no gradient"):
        search(make(GradientAscent), lambda actions: (actions > 0).float().sum(dim=(-1, -2)))


def test_one_start_of_gradient_ascent_is_the_last_plan() -> None:
    tried: list[Tensor] = []

    def watch(actions: Tensor) -> Tensor:
        tried.append(actions.detach())
        return near(TARGETS[:1])(actions)

    planner = make(GradientAscent, candidates=1)
    plan = search(planner, near(TARGETS[:1]))
    planner.plan(watch, plan.state)
    torch.testing.assert_close(tried[0][:, 0], plan.state.mean)


@pytest.mark.parametrize("planner", PLANNERS)
def test_an_objective_of_another_shape_is_refused(planner: type[Planner]) -> None:
    with pytest.raises(ShapeError, match=r"one value per candidate"):
        search(make(planner), lambda actions: actions.sum(dim=-1))


BAD_BOUNDS = [([-1.0], [float("inf")]), ([1.0], [1.0]), ([-1.0, -1.0], [1.0])]


@pytest.mark.parametrize(("low", "high"), BAD_BOUNDS)
def test_bounds_without_a_box_are_refused(low: list[float], high: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="action bounds"):
        ICEM(low, high)


BAD_OPTIONS: dict[type[Planner], dict[str, Any]] = {
    ICEM: {"elites": 150, "kept_fraction": 1.5, "decay": 0.5, "momentum": 1.0, "iterations": 0, "noise_beta": -1.0},
    Hierarchical: {
        "far_cells": 1,
        "far_candidates": 0,
        "far_interval": 0,
        "far_discount": 0.0,
        "guidance": -1.0,
        "tolerance": -1.0,
        "window": 0,
        "stride": 0,
        "neighbours": 0,
        "radius": -1.0,
        "persistence": 1.5,
    },
    CEM: {"elites": 201, "momentum": 1.0, "iterations": 0, "noise_beta": -1.0},
    MPPI: {"temperature": 0.0, "control_weight": -1.0, "iterations": 0},
    GradientAscent: {"learning_rate": 0.0, "iterations": 0},
    RandomShooting: {"noise_beta": -1.0},
}
BAD_FOR_ALL = {"horizon": 0, "candidates": 0, "noise_std": 0.0, "budget_ms": 0.0}
BAD = [(planner, *option) for planner, options in BAD_OPTIONS.items() for option in (options | BAD_FOR_ALL).items()]


@pytest.mark.parametrize(("planner", "name", "value"), BAD)
def test_an_option_out_of_its_range_is_refused(planner: type[Planner], name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}="):
        make(planner, **{name: value})
