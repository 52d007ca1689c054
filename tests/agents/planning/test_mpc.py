"""The planning agent: in real mazes with the equations of motion as its model, and call by call."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from mbrl_mts3.agents import MPCAgent, RandomAgent, evaluate_agent
from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.behaviour.waypoint import WaypointBehaviour
from mbrl_mts3.agents.collection import collect_dataset
from mbrl_mts3.data import load_dataset
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import PointMazeTask, Task
from mbrl_mts3.errors import CausalityError, NonFiniteError, ShapeError, UnknownObservationError
from mbrl_mts3.planners import ICEM, DataGraph, GoalValues, Hierarchical, Planner

Build = Callable[..., Any]
MAKE = partial(make_environment, "PointMaze_UMaze-v3", continuing_task=False)
BOX = partial(spaces.Box, -np.inf, np.inf)
SPACE = spaces.Dict({"observation": BOX((4,)), "achieved_goal": BOX((2,)), "desired_goal": BOX((2,))})
SELECTOR = ObservationSelector.from_space(SPACE, "PointMaze_UMaze-v3")


def planner(**options: Any) -> Planner:
    return ICEM([-1.0, -1.0], [1.0, 1.0], **{"horizon": 10, "candidates": 60, "elites": 10, **options})


def agent(point_mass: Build, task: Task | None = None, **options: Any) -> MPCAgent:
    return MPCAgent(point_mass(), planner(), task or PointMazeTask("straight"), SELECTOR, **options)


def observations(batch: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    state = rng.uniform(-1, 1, (batch, 4))
    return {"observation": state, "achieved_goal": state[:, :2], "desired_goal": rng.uniform(-1, 1, (batch, 2))}


def pick(raw: dict[str, np.ndarray], index: Any) -> dict[str, np.ndarray]:
    return {key: value[index] for key, value in raw.items()}


def test_with_a_good_model_the_shaped_reward_leads_to_every_goal(point_mass: Build) -> None:
    environment = MAKE()
    task = PointMazeTask("shaped").prepare(environment)
    environment.close()
    acting = MPCAgent(point_mass(), planner(horizon=30, candidates=150), task, SELECTOR)
    result = evaluate_agent(acting, MAKE, range(10), num_envs=10, max_episode_steps=200)
    assert result.success_rate == 1
    assert result.lengths.mean() < 70
    space = spaces.Box(-1, 1, (2,))
    assert evaluate_agent(RandomAgent(space), MAKE, range(10), num_envs=10, max_episode_steps=200).success_rate < 0.5


def test_a_value_from_data_leads_to_goals_that_the_horizon_does_not_reach(
    point_mass: Build, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sparse reward of the real maze, the equations of motion as the model: only the terminal value differs."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    collect_dataset("PointMaze_UMaze-v3", WaypointBehaviour, 8000, "mine/maze-v0", seed=1, progress=False)
    data = load_dataset("mine/maze-v0")
    values = GoalValues(DataGraph(data.episodes, torch.tensor([1.0, 1.0, 4.0, 4.0])))
    environment = MAKE()
    task = PointMazeTask("sparse").prepare(environment)
    environment.close()

    def successes(**options: Any) -> float | None:
        acting = MPCAgent(point_mass(), planner(horizon=15, candidates=80), task, SELECTOR, **options)
        return evaluate_agent(acting, MAKE, range(8), num_envs=8, max_episode_steps=200).success_rate

    assert successes(value=values) == 1
    assert successes() < 0.5


def test_a_far_plan_leads_to_goals_that_the_horizon_does_not_reach(
    point_mass: Build, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sparse reward, no value behind the horizon: only the far level differs."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    collect_dataset("PointMaze_UMaze-v3", WaypointBehaviour, 8000, "mine/maze-v0", seed=1, progress=False)
    data = load_dataset("mine/maze-v0")
    environment = MAKE()
    task = PointMazeTask("sparse").prepare(environment)
    environment.close()
    options = {"horizon": 15, "candidates": 80, "elites": 10}

    def successes(kind: type[Planner]) -> float | None:
        searching = kind([-1.0, -1.0], [1.0, 1.0], **options).fit(data.episodes, torch.tensor([1.0, 1.0, 4.0, 4.0]))
        acting = MPCAgent(point_mass(), searching, task, SELECTOR)
        return evaluate_agent(acting, MAKE, range(8), num_envs=8, max_episode_steps=200).success_rate

    assert successes(Hierarchical) >= 0.9
    assert successes(ICEM) < 0.5


def test_one_environment_or_a_batch_of_them(point_mass: Build) -> None:
    acting, raw = agent(point_mass), observations(3)
    assert isinstance(acting, Agent)
    actions, _ = acting.predict(raw)
    assert actions.shape == (3, 2)
    assert (np.abs(actions) <= 1).all()
    for index in range(3):
        alone, state = acting.predict(pick(raw, index))
        assert alone.shape == (2,)
        np.testing.assert_allclose(alone, actions[index], atol=1e-5)
        again, _ = acting.predict(pick(raw, index), state)
        assert again.shape == (2,)


def test_the_straight_distance_pushes_towards_the_goal(point_mass: Build) -> None:
    raw = {**observations(4), "desired_goal": np.array([[5.0, 5.0], [-5.0, 5.0], [5.0, -5.0], [-5.0, -5.0]])}
    raw["observation"][:] = 0
    actions, _ = agent(point_mass).predict(raw)
    assert (np.sign(actions) == np.sign(raw["desired_goal"])).all()


def test_same_seed_same_actions_and_nothing_is_remembered(point_mass: Build) -> None:
    def three_steps(acting: MPCAgent) -> np.ndarray:
        state, actions = None, []
        for seed in range(3):
            action, state = acting.predict(observations(2, seed), state)
            actions.append(action)
        return np.stack(actions)

    reused = agent(point_mass, seed=5)
    first = three_steps(reused)
    np.testing.assert_array_equal(three_steps(reused), first)
    np.testing.assert_array_equal(three_steps(agent(point_mass, seed=5)), first)
    assert not np.array_equal(three_steps(agent(point_mass, seed=6)), first)


def test_the_last_action_is_taken_into_the_belief(point_mass: Build) -> None:
    acting = agent(point_mass)
    seen: list[Any] = []
    model: Any = acting.model
    observe = model.observe
    model.observe = lambda belief, o, action=None: seen.append(action) or observe(belief, o, action)
    first, state = acting.predict(observations(2))
    _, state = acting.predict(observations(2, 1), state)
    assert seen[0] is None
    np.testing.assert_array_equal(seen[1], first)
    assert state.belief.steps.tolist() == [1, 1]


def test_an_episode_start_forgets_that_environment_only(point_mass: Build) -> None:
    acting = agent(point_mass)
    _, state = acting.predict(observations(3))
    _, state = acting.predict(observations(3, 1), state)
    raw, start = observations(3, 2), np.array([False, True, False])
    _, mixed = acting.predict(raw, state, start)
    assert mixed.belief.steps.tolist() == [2, 0, 2]
    going_on, _ = acting.predict(raw, state)
    actions, _ = acting.predict(raw, state, start)
    np.testing.assert_allclose(actions[[0, 2]], going_on[[0, 2]], atol=1e-5)
    assert not np.allclose(actions[1], going_on[1])


def test_an_episode_is_the_same_alone_after_others_and_beside_others(point_mass: Build) -> None:
    """Episodes that end at their goals at different times, so that those beside each other are not equally far."""
    acting = agent(point_mass)

    def episodes(seeds: list[int], num_envs: int) -> dict[int, np.ndarray]:
        found = evaluate_agent(acting, MAKE, seeds, num_envs=num_envs, max_episode_steps=25, record=True).episodes
        return {episode.seed: episode.actions for episode in found}

    many = episodes([7, 2, 5, 4, 3], 2)
    for seed, num_envs in ((3, 1), (4, 3)):
        alone = episodes([seed], num_envs)[seed]
        assert len(alone) == len(many[seed])
        np.testing.assert_allclose(many[seed], alone, atol=1e-3)
    np.testing.assert_allclose(episodes([2, 3], 1)[3], many[3], atol=1e-3)


def test_options_reach_the_objective(point_mass: Build) -> None:
    raw = observations(2)
    usual, _ = agent(point_mass).predict(raw)
    discounted, _ = agent(point_mass, discount=0.5).predict(raw)
    assert not np.allclose(usual, discounted)


def test_a_state_can_be_indexed_like_its_environments(point_mass: Build) -> None:
    acting = agent(point_mass)
    _, state = acting.predict(observations(3))
    raw = observations(3, 1)
    together, _ = acting.predict(raw, state)
    part, _ = acting.predict(pick(raw, [0, 2]), state[[0, 2]])
    np.testing.assert_allclose(part, together[[0, 2]], atol=1e-5)


def test_a_model_that_needs_future_actions_is_refused(point_mass: Build) -> None:
    with pytest.raises(CausalityError, match="causal"):
        MPCAgent(point_mass(causal=False), planner(), PointMazeTask("straight"), SELECTOR)


def test_a_model_that_does_not_see_the_task_is_refused(point_mass: Build) -> None:
    unseen = ObservationSelector.from_space(SPACE, "PointMaze_UMaze-v3", ["vx", "vy"])
    with pytest.raises(UnknownObservationError, match="PointMaze"):
        MPCAgent(point_mass(), planner(), PointMazeTask("straight"), unseen)


def test_a_planner_of_other_actions_is_refused(point_mass: Build) -> None:
    with pytest.raises(ShapeError, match="actions of size"):
        MPCAgent(point_mass(), ICEM([-1.0], [1.0]), PointMazeTask("straight"), SELECTOR)


def test_wrong_shapes_are_refused(point_mass: Build) -> None:
    acting = agent(point_mass)
    _, state = acting.predict(observations(3))
    with pytest.raises(ShapeError, match="state is of 3"):
        acting.predict(observations(2), state)
    with pytest.raises(ShapeError, match="episode_start"):
        acting.predict(observations(3), state, np.array([True]))
    with pytest.raises(ShapeError):
        acting.predict({**observations(3), "observation": np.zeros((3, 2))})


def test_a_model_that_promises_nothing_finite_is_no_guide(point_mass: Build) -> None:
    raw = observations(2)
    raw["observation"][1] = np.nan
    with pytest.raises(NonFiniteError, match=r"\[1\]"):
        agent(point_mass).predict(raw)
