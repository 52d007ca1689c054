"""Evaluation of agents: bookkeeping against a hand-run loop, in the real maze."""

import json
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import SAC

from mbrl_mts3.agents import Agent, EvaluatedEpisode, RandomAgent, evaluate_agent
from mbrl_mts3.agents.baselines import NoisyAgent
from mbrl_mts3.envs import make_environment
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import to_jsonable

MAKE = partial(make_environment, "PointMaze_UMaze-v3", continuing_task=False, reward_type="dense")


class TowardsGoal:
    """Pushes straight to the goal; counts, per environment, the steps since its episode began."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.starts: list[list[bool]] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        self.batches.append(len(observation["desired_goal"]))
        self.starts.append(episode_start.tolist())
        return np.clip(observation["desired_goal"] - observation["achieved_goal"], -1, 1), None


def by_hand(seed: int, steps: int) -> tuple[float, int, bool, np.ndarray]:
    environment: gymnasium.Env[Any, Any] = MAKE()
    observation, _ = environment.reset(seed=seed)
    total, path, info = 0.0, [observation["achieved_goal"]], {"success": False}
    for _ in range(steps):
        action = np.clip(observation["desired_goal"] - observation["achieved_goal"], -1, 1)
        observation, reward, terminated, truncated, info = environment.step(action)
        total += float(reward)
        path.append(observation["achieved_goal"])
        if terminated or truncated:
            break
    environment.close()
    return total, len(path) - 1, bool(info["success"]), np.array(path)


@pytest.mark.parametrize("num_envs", [1, 3, 9])
def test_results_are_those_of_a_plain_loop_whatever_runs_together(num_envs: int) -> None:
    seeds = [5, 3, 8, 1, 13]
    told: list[EvaluatedEpisode] = []
    result = evaluate_agent(
        TowardsGoal(), MAKE, seeds, max_episode_steps=40, num_envs=num_envs, record=True, on_episode=told.append
    )
    expected = [by_hand(seed, 40) for seed in seeds]
    assert result.seeds == tuple(seeds)
    np.testing.assert_allclose(result.returns, [total for total, _, _, _ in expected])
    assert result.lengths.tolist() == [steps for _, steps, _, _ in expected]
    assert result.successes is not None
    assert result.successes.tolist() == [success for _, _, success, _ in expected]
    assert 0 < result.success_rate < 1
    for episode, (_, _, _, path) in zip(result.episodes, expected, strict=True):
        np.testing.assert_allclose(episode.observations["achieved_goal"], path)
        assert len(episode.actions) == len(path) - 1
    assert sorted(episode.seed for episode in told) == sorted(seeds)
    assert result.num_envs == min(num_envs, 5)


def test_starts_are_told_and_finished_environments_leave() -> None:
    agent = TowardsGoal()
    result = evaluate_agent(agent, MAKE, [5, 3, 8, 1], max_episode_steps=60, num_envs=2)
    assert agent.starts[0] == [True, True]
    assert sum(sum(start) for start in agent.starts) == 4
    assert sum(agent.batches) == result.lengths.sum()
    assert agent.batches[0] == 2


def test_an_environment_without_goals_has_no_success() -> None:
    make = partial(make_environment, "HalfCheetah-v5")
    agent = RandomAgent(spaces.Box(-1, 1, (6,), np.float32))
    result = evaluate_agent(agent, make, [0, 1], max_episode_steps=5, num_envs=2)
    assert result.successes is None
    assert result.success_rate is None
    assert result.success_interval is None
    assert result.lengths.tolist() == [5, 5]
    assert result.episodes == ()


def test_success_may_be_judged_from_outside() -> None:
    result = evaluate_agent(TowardsGoal(), MAKE, [0], max_episode_steps=2, success=lambda observation, info: True)
    assert result.success_rate == 1


def test_the_result_is_plain_json() -> None:
    result = evaluate_agent(TowardsGoal(), MAKE, [0], max_episode_steps=2)
    read = json.loads(json.dumps(to_jsonable(result.to_json()), allow_nan=False))
    assert read["episodes"] == 1
    assert read["lengths"] == [2]
    assert read["success_rate"] == 0
    assert read["return_interval"] == [None, None]
    assert read["ms_per_action"] > 0


def test_a_recurrent_state_of_another_kind_keeps_every_environment() -> None:
    sizes: list[int] = []

    class Recurrent(TowardsGoal):
        def predict(self, observation: Any, state: Any = None, *args: Any, **kwargs: Any) -> Any:
            sizes.append(len(observation["desired_goal"]))
            return super().predict(observation, None, *args, **kwargs)[0], ("cell", "hidden")

    evaluate_agent(Recurrent(), MAKE, [5, 3, 8], max_episode_steps=60, num_envs=3)
    assert set(sizes) == {3}


@pytest.mark.parametrize("option", [{"seeds": []}, {"num_envs": 0}, {"max_episode_steps": 0}])
def test_nothing_to_run_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        evaluate_agent(TowardsGoal(), MAKE, **{"seeds": [0], **option})


@pytest.mark.parametrize("num_envs", [1, 3])
def test_decisions_are_told_with_their_episodes_and_timed(num_envs: int) -> None:
    told: list[list[int | None]] = []
    result = evaluate_agent(
        TowardsGoal(), MAKE, [5, 3, 8, 1], max_episode_steps=60, num_envs=num_envs,
        on_decision=lambda places, observation, state: told.append(list(places)),
    )  # fmt: skip
    counts = [sum(places.count(episode) for places in told) for episode in range(4)]
    assert counts == result.lengths.tolist()
    assert result.action_seconds is not None
    assert len(result.action_seconds) == len(told)
    assert result.action_seconds @ [sum(place is not None for place in places) for places in told] == pytest.approx(
        result.seconds_per_action * result.lengths.sum()
    )
    written = result.to_json()
    assert 0 < written["ms_per_action_median"] <= written["ms_per_action_p95"]
    assert written["ms_per_action_median"] == pytest.approx(np.median(result.action_seconds) * 1e3)


SPACE = spaces.Box(-1, 1, (2,), np.float32)


@pytest.mark.parametrize(
    "agent",
    [
        RandomAgent(SPACE, seed=4),
        NoisyAgent(TowardsGoal(), SPACE, 0.5, seed=4),
        NoisyAgent(RandomAgent(SPACE), SPACE, 0.5, seed=4),
    ],
    ids=["random", "noisy", "noisy_random"],
)
def test_episodes_of_agents_that_sample_are_the_same_alone_after_others_and_beside_others(agent: Agent) -> None:
    def actions(seeds: list[int], num_envs: int) -> dict[int, np.ndarray]:
        found = evaluate_agent(agent, MAKE, seeds, num_envs=num_envs, max_episode_steps=30, record=True).episodes
        return {episode.seed: episode.actions for episode in found}

    alone = {seed: actions([seed], 1)[seed] for seed in (5, 3, 8, 1)}
    assert not np.array_equal(alone[5], alone[3]), "each has draws of its own"
    for together in (actions([5, 3, 8, 1], 1), actions([8, 1, 5, 3], 2), actions([1, 3, 5, 8], 4)):
        for seed, path in alone.items():
            np.testing.assert_array_equal(together[seed], path)


def test_finished_environments_of_agents_that_sample_leave() -> None:
    towards = TowardsGoal()
    result = evaluate_agent(NoisyAgent(towards, SPACE, 0.1), MAKE, [5, 3, 8], max_episode_steps=60, num_envs=3)
    assert len(set(result.lengths.tolist())) > 1
    assert sum(towards.batches) == result.lengths.sum()


def test_a_policy_of_a_network_acts_the_same_alone_and_beside_others() -> None:
    environment = MAKE()
    policy = SAC("MultiInputPolicy", environment, buffer_size=1, device="cpu", seed=0)
    environment.close()
    together = evaluate_agent(policy, MAKE, [5, 3, 8], max_episode_steps=30, num_envs=3, record=True)
    alone = evaluate_agent(policy, MAKE, [8], max_episode_steps=30, record=True)
    np.testing.assert_allclose(together.episodes[2].actions, alone.episodes[0].actions, atol=1e-4)
    np.testing.assert_allclose(together.returns[2], alone.returns[0], rtol=1e-4)
