"""The random agent."""

import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents import Agent, RandomAgent

SPACE = spaces.Box(np.array([-1.0, 2.0], np.float32), np.array([1.0, 5.0], np.float32))


def test_actions_fill_the_space() -> None:
    agent = RandomAgent(SPACE, seed=0)
    assert isinstance(agent, Agent)
    actions, _ = agent.predict({"observation": np.zeros((5_000, 4)), "desired_goal": np.zeros((5_000, 2))})
    assert actions.shape == (5_000, 2)
    assert actions.dtype == np.float32
    np.testing.assert_allclose(actions.min(axis=0), SPACE.low, atol=0.01)
    np.testing.assert_allclose(actions.max(axis=0), SPACE.high, atol=0.01)
    np.testing.assert_allclose(actions.mean(axis=0), [0, 3.5], atol=0.1)


def test_a_single_observation_gets_a_single_action() -> None:
    assert RandomAgent(SPACE).predict(np.zeros(4))[0].shape == (2,)


def test_the_state_carries_the_randomness_on() -> None:
    agent = RandomAgent(SPACE, seed=1)
    first, state = agent.predict(np.zeros((3, 4)))
    second, _ = agent.predict(np.zeros((3, 4)), state)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(RandomAgent(SPACE, seed=1).predict(np.zeros((3, 4)))[0], first)
    assert not np.array_equal(RandomAgent(SPACE, seed=2).predict(np.zeros((3, 4)))[0], first)
