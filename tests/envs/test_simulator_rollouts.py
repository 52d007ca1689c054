"""A simulator that is set to a recorded state does again what was recorded."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data import ObservationSelector
from mbrl_mts3.data.observations import index_observation, stack_observations
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.simulator_rollouts import find_state_setter, simulate_actions, simulate_policy
from mbrl_mts3.errors import ConfigurationError, ShapeError

STEPS = 12


def record(environment: gymnasium.Env[Any, Any], steps: int = 60) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Raw observations, actions, rewards and ends of one episode with random actions."""
    environment.action_space.seed(1)
    observation, _ = environment.reset(seed=5)
    observations, actions, rewards, ends = [observation], [], [], []
    for _ in range(steps):
        actions.append(environment.action_space.sample())
        observation, reward, terminated, *_ = environment.step(actions[-1])
        observations.append(observation)
        rewards.append(float(reward))
        ends.append(terminated)
    return stack_observations(observations), np.stack(actions), np.array(rewards), np.array(ends)


@pytest.mark.parametrize(
    ("env_id", "options"),
    [
        ("HalfCheetah-v5", {}),
        ("HalfCheetah-v5", {"exclude_current_positions_from_observation": False}),
        ("Hopper-v5", {"terminate_when_unhealthy": False}),
        ("Walker2d-v5", {"terminate_when_unhealthy": False}),
        ("PointMaze_UMaze-v3", {"continuing_task": False}),
    ],
)
def test_recorded_actions_lead_where_they_led(env_id: str, options: dict[str, Any]) -> None:
    with closing(make_environment(env_id, **options)) as environment:
        seen, actions, rewards, _ = record(environment)
        selector = ObservationSelector.from_space(environment.observation_space, env_id)
        # Walker2d shows velocities of 10 at most: a state beyond them is not in its observation.
        shown = np.abs(selector(seen)).max(axis=1) < 10 if env_id == "Walker2d-v5" else np.ones(len(actions) + 1, bool)
        moments = np.flatnonzero(shown[: len(actions) - STEPS])[[0, 2, -1]]
        plans = np.stack([actions[t : t + STEPS] for t in moments])
        found = simulate_actions(environment, index_observation(seen, moments), plans, selector)
    whole = selector(seen)
    expected = np.stack([whole[t + 1 : t + 1 + STEPS] for t in moments])
    assert np.abs(expected[:, -1] - whole[moments]).max() > 0.1
    np.testing.assert_allclose(found.observations, expected, atol=2e-4, rtol=2e-4)
    np.testing.assert_allclose(found.rewards, [rewards[t : t + STEPS] for t in moments], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "PointMaze_UMaze-v3"])
def test_a_policy_acts_on_what_the_simulator_shows(env_id: str) -> None:
    """From two moments of an episode in which it acted all the time."""

    def choose(observation: Any) -> np.ndarray:
        values = observation["observation"] if isinstance(observation, dict) else observation
        return np.tanh(3 * values[..., -size:] - values[..., :size]).astype(np.float32)

    with closing(make_environment(env_id)) as environment:
        size = environment.action_space.shape[0]
        selector = ObservationSelector.from_space(environment.observation_space, env_id)
        seen, rewards = [environment.reset(seed=2)[0]], []
        for _ in range(20):
            after, reward, *_ = environment.step(choose(seen[-1]))
            seen.append(after)
            rewards.append(float(reward))
        moments = np.array([3, 9])
        starts = index_observation(stack_observations(seen), moments)
        found, actions = simulate_policy(environment, starts, choose, 8, selector)
        same = simulate_actions(environment, starts, actions, selector)
    whole = selector(stack_observations(seen))
    np.testing.assert_allclose(found.observations, [whole[t + 1 : t + 9] for t in moments], atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(found.rewards, [rewards[t : t + 8] for t in moments], atol=5e-3)
    np.testing.assert_allclose(same.observations, found.observations, atol=2e-3, rtol=2e-3)
    assert found.running.all()


def test_steps_after_the_end_do_not_count() -> None:
    with closing(make_environment("Hopper-v5")) as environment:
        seen, actions, _, ends = record(environment)
        end = int(np.argmax(ends))
        assert end > 4
        selector = ObservationSelector.from_space(environment.observation_space, "Hopper-v5")
        start = index_observation(seen, np.array([end - 3, 0]))
        plans = np.stack([actions[end - 3 : end + 5], actions[:8]])
        found = simulate_actions(environment, start, plans, selector)
    assert found.running.tolist() == [[True] * 4 + [False] * 4, [True] * min(8, end + 1) + [False] * max(0, 7 - end)]


def test_goals_are_set_and_paid_for() -> None:
    with closing(make_environment("PointMaze_UMaze-v3", continuing_task=False)) as environment:
        seen, actions, *_ = record(environment)
        selector = ObservationSelector.from_space(environment.observation_space, "PointMaze_UMaze-v3")
        starts = index_observation(seen, np.array([3, 3]))
        # One rollout begins at its goal, the other has its goal behind a wall.
        starts["desired_goal"] = np.stack([starts["achieved_goal"][0], -starts["achieved_goal"][0] + 0.3])
        found = simulate_actions(environment, starts, np.stack([actions[3:8]] * 2), selector)
    assert found.rewards.tolist() == [[1.0] * 5, [0.0] * 5]
    assert found.running.tolist() == [[True] + [False] * 4, [True] * 5]
    np.testing.assert_array_equal(found.observations[0], found.observations[1])


class Counter(gymnasium.Env[np.ndarray, np.ndarray]):
    """Adds actions to a number, and forgets it at every reset."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,))
    action_space = spaces.Box(-1, 1, (1,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.value = np.zeros(1)
        return self.value.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.value = self.value + action
        return self.value.copy(), float(self.value[0]), False, False, {}


class SettableCounter(Counter):
    def set_observed_state(self, observation: np.ndarray) -> None:
        self.value = np.array(observation)


def test_an_environment_of_ones_own_is_set_by_its_method() -> None:
    environment = gymnasium.wrappers.TimeLimit(SettableCounter(), 3)
    selector = ObservationSelector.from_space(environment.observation_space)
    found = simulate_actions(environment, np.array([[5.0], [-1.0]]), np.full((2, 6, 1), 0.5, np.float32), selector)
    expected = np.array([[5.0], [-1.0]]) + 0.5 * np.arange(1, 7)
    np.testing.assert_allclose(found.observations[..., 0], expected)
    np.testing.assert_allclose(found.rewards, expected)
    assert found.running.all()


@pytest.mark.parametrize(
    ("env_id", "reason"),
    [
        ("mbrl_mts3/HalfCheetahHidden-v0", "hidden parameters"),
        ("mbrl_mts3/SkidSteer-v0", "does not hold the whole state"),
    ],
)
def test_what_cannot_be_set_is_refused_with_what_can(env_id: str, reason: str) -> None:
    with (
        closing(make_environment(env_id)) as environment,
        pytest.raises(ConfigurationError, match=rf"{env_id}.*{reason}.*HalfCheetah, Hopper, Walker2d, PointMaze"),
    ):
        find_state_setter(environment)


def test_no_method_no_state() -> None:
    with pytest.raises(ConfigurationError, match=r"Counter cannot be set.*set_observed_state\(observation\)"):
        find_state_setter(Counter())


def test_nothing_to_simulate_is_refused() -> None:
    environment = SettableCounter()
    selector = ObservationSelector.from_space(environment.observation_space)
    with pytest.raises(ShapeError, match="0 rollouts of 3 steps"):
        simulate_actions(environment, np.zeros((0, 1)), np.zeros((0, 3, 1), np.float32), selector)
