"""What plans promised and what came of them, against sums by hand."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from mbrl_mts3.agents import EvaluatedEpisode, MPCAgent, evaluate_agent
from mbrl_mts3.agents.planning.plan_records import PlanRecorder, compare_values
from mbrl_mts3.data import Episode
from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.tasks import LearnedRewardTask, PointMazeTask, Task
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners import ICEM, DataGraph, GoalValues

Build = Callable[..., Any]
HORIZON = 6
MAKE = partial(make_environment, "PointMaze_UMaze-v3", continuing_task=False)
BOX = partial(spaces.Box, -np.inf, np.inf)
SPACE = spaces.Dict({"observation": BOX((4,)), "achieved_goal": BOX((2,)), "desired_goal": BOX((2,))})
SELECTOR = ObservationSelector.from_space(SPACE, "PointMaze_UMaze-v3")


def agent(point_mass: Build, task: Task | None = None, **options: Any) -> MPCAgent:
    planner = ICEM([-1.0, -1.0], [1.0, 1.0], horizon=HORIZON, candidates=40, elites=10)
    return MPCAgent(point_mass(), planner, task or PointMazeTask("straight"), SELECTOR, **options)


def walk(steps: int, seed: int = 0) -> EvaluatedEpisode:
    """An episode of a goal that changes at every step."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(steps + 1, 4))
    raw = {"observation": states, "achieved_goal": states[:, :2], "desired_goal": rng.normal(size=(steps + 1, 2))}
    return EvaluatedEpisode(0, raw, rng.uniform(-1, 1, (steps, 2)), rng.normal(size=steps), None)


def straight_by_hand(episode: EvaluatedEpisode, decision: int, discount: float) -> float:
    states, goal = episode.observations["observation"], episode.observations["desired_goal"][decision]
    return sum(-(discount**t) * float(np.linalg.norm(states[decision + t + 1, :2] - goal)) for t in range(HORIZON))


@pytest.mark.parametrize("discount", [1.0, 0.9])
def test_what_came_is_valued_by_the_planned_reward(point_mass: Build, discount: float) -> None:
    """The penalty of uncertainty is none of what came; 100 steps are looked at in several parts."""
    acting = agent(point_mass, discount=discount, uncertainty_penalty=3.0)
    long, short, too_short = walk(100), walk(HORIZON, seed=1), walk(HORIZON - 1, seed=2)
    episodes = [long, short, too_short]
    planned = [list(range(len(episode))) for episode in episodes]
    values = compare_values(acting, episodes, planned, stride=1)
    decisions = range(100 - HORIZON + 1)
    expected = [straight_by_hand(long, decision, discount) for decision in decisions]
    expected.append(straight_by_hand(short, 0, discount))
    np.testing.assert_allclose(values.realised, expected, rtol=1e-4)
    np.testing.assert_array_equal(values.planned, [*decisions, 0])
    assert values.decisions == 100 + HORIZON + HORIZON - 1
    thinned = compare_values(acting, episodes, planned)
    np.testing.assert_array_equal(thinned.planned, [*decisions[::2], 0])
    np.testing.assert_allclose(thinned.realised, [*expected[:-1:2], expected[-1]], rtol=1e-4)


def test_the_value_behind_the_horizon_is_that_of_the_state_that_was_reached(point_mass: Build) -> None:
    rows = np.linspace(-2, 2, 41, dtype=np.float32)[:, None].repeat(4, axis=1)
    data = Episode(
        rows, np.zeros((40, 2), np.float32), np.zeros(40, np.float32), np.zeros(40, bool), np.arange(40) == 39
    )
    values, episode = GoalValues(DataGraph([data], torch.ones(4), stride=1)), walk(20)
    goals = episode.observations["desired_goal"]
    goals[:] = goals[:, :1].clip(-1.5, 1.5)  # The data leads along the diagonal.
    found = compare_values(agent(point_mass, value=values), [episode], [[0.0] * 20], stride=1)
    reached = PointMazeTask("straight").success_function(
        {"desired_goal": episode.observations["desired_goal"][3:4]}, SELECTOR
    )
    last = torch.as_tensor(episode.observations["observation"][3 + HORIZON]).float().reshape(1, 1, 4)
    behind = values.value(reached, 1)(last).item()
    assert behind < 0
    assert found.realised[3] == pytest.approx(straight_by_hand(episode, 3, 1.0) + behind, rel=1e-4)


def test_without_a_reward_function_the_environments_rewards_count(point_mass: Build) -> None:
    episode = walk(10)
    found = compare_values(agent(point_mass, LearnedRewardTask()), [episode], [[0.0] * 10], stride=1)
    expected = [episode.rewards[begin : begin + HORIZON].sum() for begin in range(5)]
    np.testing.assert_allclose(found.realised, expected, rtol=1e-4)


def test_plans_of_other_episodes_are_refused(point_mass: Build) -> None:
    with pytest.raises(ConfigurationError, match="1 episodes, but plans of 2"):
        compare_values(agent(point_mass), [walk(10)], [[0.0] * 10, []])


@pytest.mark.parametrize("num_envs", [1, 3])
def test_each_decision_is_kept_with_its_episode(point_mass: Build, num_envs: int) -> None:
    """Whatever runs together and in which order it ends; imagined paths begin near the real ones."""
    acting, seeds = agent(point_mass), [7, 2, 5, 4]
    plans = PlanRecorder(acting, imagine_first=2, imagine_every=3)
    result = evaluate_agent(
        acting, MAKE, seeds, num_envs=num_envs, max_episode_steps=25, record=True, on_decision=plans
    )
    alone: dict[int, list[float]] = {}
    for place, seed in enumerate(seeds):
        one = PlanRecorder(acting)
        evaluate_agent(acting, MAKE, [seed], max_episode_steps=25, on_decision=one)
        alone[place] = one.values[0]
    assert sorted(plans.values) == [0, 1, 2, 3]
    for place, values in plans.values.items():
        assert len(values) == len(plans.spreads[place]) == result.lengths[place]
        np.testing.assert_allclose(values, alone[place], atol=1e-2)
        assert min(plans.spreads[place]) > 0
    assert sorted(plans.imagined) == [0, 1]
    for place, imagined in plans.imagined.items():
        assert list(imagined) == list(range(0, int(result.lengths[place]), 3))
        real = acting.selector(result.episodes[place].observations)
        for decision, path in imagined.items():
            assert path.shape == (HORIZON, 4)
            # The first imagined step is the one that was executed, with the equations of motion as the model.
            np.testing.assert_allclose(path[0, :2], real[decision + 1, :2], atol=0.03)
    summary = plans.summary()
    assert 0 < summary["ms_per_search_median"] <= summary["ms_per_search_p95"]
    assert summary["mean_spread"] == pytest.approx(np.mean(np.concatenate(list(plans.spreads.values()))))


def test_a_good_model_keeps_its_promises(point_mass: Build) -> None:
    """The agent replans at each step, so what comes is about what was promised and no worse."""
    acting = agent(point_mass)
    plans = PlanRecorder(acting)
    result = evaluate_agent(acting, MAKE, range(6), num_envs=6, max_episode_steps=40, record=True, on_decision=plans)
    values = compare_values(acting, result.episodes, [plans.values[place] for place in range(6)])
    assert len(values.planned) > 20
    assert values.rank_correlation is not None
    assert values.rank_correlation > 0.9
