"""Steps to a goal along the data, against Bellman's equation on a dense matrix."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from mbrl_mts3.data import Episode
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.planners import DataGraph, GoalValues, StepsToGoal

SCALE = (0.5, 2.0)


def episode(observations: np.ndarray) -> Episode:
    steps = len(observations) - 1
    return Episode(
        observations=observations.astype(np.float32),
        actions=np.zeros((steps, 1), np.float32),
        rewards=np.zeros(steps, np.float32),
        terminations=np.zeros(steps, np.bool_),
        truncations=np.zeros(steps, np.bool_),
    )


def walks(count: int = 6) -> list[Episode]:
    rng = np.random.default_rng(0)
    return [episode(rng.normal(size=(rng.integers(9, 30), 2)).cumsum(0) * 0.3) for _ in range(count)]


def steps_by_hand(
    episodes: list[Episode], goal: np.ndarray, stride: int, neighbours: int, radius: float, jump_cost: float
) -> np.ndarray:
    places = [[*range(0, len(one), stride), len(one)] for one in episodes]
    nodes = np.concatenate([one.observations[chosen] for one, chosen in zip(episodes, places, strict=True)]) / SCALE
    cost, begin = np.full((len(nodes), len(nodes)), np.inf), 0
    distance = np.linalg.norm(nodes[:, None] - nodes[None], axis=-1)
    for i, row in enumerate(distance):
        for j in np.argsort(row)[1 : neighbours + 1]:
            if row[j] < radius:
                cost[i, j] = cost[j, i] = min(cost[i, j], 1 + jump_cost * row[j])
    for chosen in places:
        for k, (a, b) in enumerate(pairwise(chosen)):
            cost[begin + k, begin + k + 1] = min(cost[begin + k, begin + k + 1], b - a)
        begin += len(chosen)
    steps = np.where(goal, 0.0, np.inf)
    for _ in range(len(nodes)):
        steps = np.minimum(steps, (cost + steps[None]).min(axis=1))
    return steps


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 3, "neighbours": 4, "radius": 1.0, "jump_cost": 7.0},
        {"stride": 1, "neighbours": 2, "radius": 0.3, "jump_cost": 0.0},
        {"stride": 50, "neighbours": 50, "radius": 9.0, "jump_cost": 2.0},
    ],
)
def test_steps_satisfy_bellmans_equation(options: dict[str, float]) -> None:
    episodes = walks()
    graph = DataGraph(episodes, torch.tensor(SCALE), **options)
    goal = np.zeros(len(graph), np.bool_)
    goal[[2, len(graph) - 1]] = True
    expected = steps_by_hand(episodes, goal, **options)
    np.testing.assert_allclose(graph.steps_to(goal), expected, rtol=1e-5)
    assert np.isfinite(expected).sum() > 2


def test_an_episode_leads_forwards_only() -> None:
    line = np.c_[np.arange(21.0), np.zeros(21)]
    graph = DataGraph([episode(line)], torch.ones(2), stride=5, radius=0.1)
    middle = np.arange(5) == 2
    assert graph.steps_to(middle).tolist() == [10, 5, 0, np.inf, np.inf]


def test_the_value_of_an_observation_is_that_of_the_cheapest_node_near_it() -> None:
    line = np.c_[np.arange(21.0), np.zeros(21)]
    graph = DataGraph([episode(line)], torch.ones(2), stride=5, radius=4.5, jump_cost=3.0)
    value = StepsToGoal(graph, graph.steps_to(np.arange(5) == 4)[None], longest=30.0, neighbours=2)
    observation = torch.tensor([[[5.0, 0.0], [5.0, 2.0], [9.0, 0.0], [0.0, -90.0]]])
    # At a node; beside it; nearer to the next one, which is cheaper too; far from all data.
    torch.testing.assert_close(value(observation), torch.tensor([[-15.0, -15 - 3 * 2.0, -10 - 3 * 1.0, -30.0]]))


def test_a_cheaper_node_beyond_the_radius_does_not_count() -> None:
    """As behind the corner of a wall: the next node is at the goal, but only the nearest one is near."""
    line = np.c_[np.arange(21.0), np.zeros(21)]
    graph = DataGraph([episode(line)], torch.ones(2), stride=5, radius=3.0, jump_cost=0.1)
    value = StepsToGoal(graph, graph.steps_to(np.arange(5) == 4)[None], neighbours=2)
    observation = torch.tensor([[[16.9, 0.0], [17.2, 0.0], [15.0, 90.0]]])
    # Both are near; the goal alone is; none is, and the nearest node counts.
    torch.testing.assert_close(
        value(observation), torch.tensor([[-0.1 * 1.9 - 5, -0.1 * 2.8, -14.0]]), atol=1e-4, rtol=0
    )


def test_every_environment_has_its_own_goal() -> None:
    graph = DataGraph(walks(), torch.tensor(SCALE), radius=1.0)
    goals = torch.tensor([[0.0, 0.0], [1.0, 0.5]])

    def reached(observation: torch.Tensor) -> torch.Tensor:
        return (observation - goals[:, None]).norm(dim=-1) < 0.7

    values = GoalValues(graph, longest=500.0)
    observation = torch.randn(2, 7, 2)
    together = values.value(reached, 2)(observation)
    for index in range(2):
        goal = (graph.observations - goals[index]).norm(dim=-1) < 0.7
        alone = StepsToGoal(graph, graph.steps_to(goal.numpy())[None], 500.0)
        torch.testing.assert_close(together[index], alone(observation[index][None])[0])
    assert not torch.allclose(together[0], together[1])


def test_goals_that_no_data_reaches_and_options_out_of_range_are_refused() -> None:
    graph = DataGraph(walks(), torch.tensor(SCALE))
    with pytest.raises(ConfigurationError, match="choose another goal, or data that reaches it"):
        GoalValues(graph).value(lambda observation: observation[..., 0] > 1e6, 1)
    for wrong in ({"stride": 0}, {"neighbours": 0}, {"radius": 0.0}, {"jump_cost": -1.0}):
        with pytest.raises(ConfigurationError, match="expected at least one episode, whole numbers"):
            DataGraph(walks(), torch.tensor(SCALE), **wrong)
    with pytest.raises(ConfigurationError, match="over 0 episodes"):
        DataGraph([], torch.tensor(SCALE))
