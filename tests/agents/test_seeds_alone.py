"""What an episode of a seed is depends on neither the seeds before it nor the episodes beside it."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.agents import RandomAgent, evaluate_agent
from mbrl_mts3.agents.baselines import HoldLastObservation, NoisyAgent
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "HalfCheetah-v5": {},
    "PointMaze_UMaze-v3": {"continuing_task": False},
    "mbrl_mts3/SkidSteer-v0": {},
    "mbrl_mts3/HalfCheetahHidden-v0": {},
    "FrankaKitchen-v1": {"tasks_to_complete": ["kettle"]},
}


class Corridor(gymnasium.Env[Any, Any]):
    """Ends after as many steps as its seed says, so that slots fall out of step; pays the action."""

    observation_space = spaces.Box(-9, 9, (2,), np.float32)
    action_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.left = 2 + int(seed or 0) % 5
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.left -= 1
        return np.zeros(2, np.float32), float(action @ [1.0, 10.0]), self.left == 0, False, {}


class Still:
    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        return np.zeros((len(observation), 2), np.float32), None


RANDOM = RandomAgent(Corridor.action_space, seed=4)


@pytest.mark.parametrize(
    "agent",
    [
        RANDOM,
        NoisyAgent(Still(), Corridor.action_space, 0.3, seed=1),
        NoisyAgent(RANDOM, Corridor.action_space, 0.1, seed=2),
        HoldLastObservation(RANDOM),
    ],
    ids=["random", "noisy", "noise on random", "random that holds observations"],
)
@pytest.mark.parametrize(("company", "num_envs"), [([9], 1), ([8, 9], 1), ([3, 4, 9, 1], 2), ([0, 1, 7, 6, 2, 9], 5)])
def test_agents_that_draw(agent: Any, company: list[int], num_envs: int) -> None:
    alone = evaluate_agent(agent, Corridor, [9])
    found = evaluate_agent(agent, Corridor, company, num_envs=num_envs)
    place = company.index(9)
    assert found.returns[place] == alone.returns[0]
    assert found.lengths[place] == alone.lengths[0] == 6
    assert len(set(found.returns.tolist())) == len(company)


def test_a_random_episode_is_that_of_its_two_seeds() -> None:
    actions = [np.random.default_rng((4, 9, step)).uniform(-1, 1, 2) for step in range(6)]
    expected = sum(first + 10 * second for first, second in actions)
    assert evaluate_agent(RANDOM, Corridor, [1, 9], num_envs=2).returns[1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_real_environments(name: str) -> None:
    make = partial(make_environment, name, **ENVIRONMENTS[name])
    with make() as environment:
        agent = RandomAgent.for_environment(environment)
    alone = evaluate_agent(agent, make, [6], max_episode_steps=8, record=True).episodes[0]
    company = evaluate_agent(agent, make, [2, 5, 6], max_episode_steps=8, num_envs=2, record=True).episodes[2]
    np.testing.assert_array_equal(alone.actions, company.actions)
    np.testing.assert_array_equal(alone.rewards, company.rewards)


@pytest.mark.parametrize("seeds", [[-1], [3, 2**32], range(2**32 - 1, 2**32 + 1)])
def test_seeds_that_are_none(seeds: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"an episode's seed=.* is no seed"):
        evaluate_agent(RANDOM, Corridor, seeds)
