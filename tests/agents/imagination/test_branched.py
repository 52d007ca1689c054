"""Short rollouts from the data's own moments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.buffers import ReplayBuffer

from mbrl_mts3.agents.imagination import BranchedRollouts, make_algorithm
from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.envs.world_model import WorldModelDynamics
from mbrl_mts3.errors import ConfigurationError

World = Callable[..., WorldModelDynamics]
SMALL = {"policy_kwargs": {"net_arch": [8]}, "buffer_size": 400, "device": "cpu", "seed": 0}


def imagined(
    dynamics: WorldModelDynamics, horizon: int = 3, algorithm: str = "SAC", **options: Any
) -> tuple[ReplayBuffer, dict[str, float]]:
    learner: Any = make_algorithm(WorldModelVecEnv(dynamics, 40), algorithm, **SMALL)
    rollouts = BranchedRollouts(dynamics, 40, horizon, **options)
    means = rollouts.run(learner, learner.replay_buffer, torch.Generator().manual_seed(0))
    return learner.replay_buffer, means


def test_branches_leave_the_data_and_go_on_where_they_were(world: World, data: OfflineDataset) -> None:
    buffer, _ = imagined(world())
    assert buffer.size() == 3
    known = np.concatenate([episode.observations for episode in data.episodes])
    apart = np.abs(buffer.observations[0][:, None] - known).max(axis=-1).min(axis=1)
    assert apart.max() < 1e-6
    for step in range(2):
        np.testing.assert_array_equal(buffer.observations[step + 1], buffer.next_observations[step])
    assert np.abs(buffer.actions).max() <= 1
    assert buffer.actions[:3].std(axis=(0, 1)).min() > 0.1, "SAC explores"


def test_the_last_step_is_cut_not_terminal(world: World) -> None:
    buffer, means = imagined(world())
    assert buffer.dones[:3].mean(axis=1).tolist() == [0, 0, 1]
    assert buffer.timeouts[:3].mean(axis=1).tolist() == [0, 0, 1]
    assert buffer.sample(50).dones.sum() == 0
    assert means["terminated"] == means["over_budget"] == 0


def test_uncertainty_costs_what_it_says(world: World) -> None:
    free, plain = imagined(world())
    dear, penalised = imagined(world(uncertainty_penalty=7.0))
    assert plain["penalty"] == 0
    assert penalised["penalty"] == pytest.approx(7 * plain["uncertainty"], rel=1e-5)
    assert penalised["reward"] == pytest.approx(plain["reward"], rel=1e-4)
    difference = free.rewards[:3] - dear.rewards[:3]
    assert difference.min() > 0
    assert difference.mean() == pytest.approx(penalised["penalty"], rel=1e-4)


def test_a_spent_budget_makes_room_for_another_branch(world: World, data: OfflineDataset) -> None:
    buffer, means = imagined(world(uncertainty_budget=1e-6))
    assert means["over_budget"] == 1
    assert buffer.timeouts[:3].all()
    known = np.concatenate([episode.observations for episode in data.episodes])
    for step in range(3):
        assert np.abs(buffer.observations[step][:, None] - known).max(axis=-1).min(axis=1).max() < 1e-6


def test_what_terminates_is_worth_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WorldModelDynamics, "terminal", lambda self, state: state.steps >= 2)
    buffer, means = imagined(world())
    assert buffer.sample(50).dones.mean() == pytest.approx(1 / 3, abs=0.25)
    assert (buffer.dones - buffer.timeouts)[:3].mean(axis=1).tolist() == [0, 1, 0]
    assert means["terminated"] == pytest.approx(1 / 3)


def test_goals_are_kept(maze: WorldModelDynamics) -> None:
    buffer: Any = imagined(maze, horizon=2)[0]
    goals = buffer.observations["desired_goal"]
    on = buffer.dones[0] == 0
    assert on.sum() > 20
    np.testing.assert_array_equal(goals[0][on], goals[1][on])
    assert len(np.unique(goals[0], axis=0)) == 40


def test_a_policy_without_noise_gets_some(world: World) -> None:
    quiet = imagined(world(num_start_states=1), horizon=1, algorithm="TD3")[0].actions[0]
    noisy = imagined(world(num_start_states=1), horizon=1, algorithm="TD3", action_noise=0.1)[0].actions[0]
    assert quiet.std(axis=0).max() < 1e-6
    assert noisy.std(axis=0).mean() == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(("branches", "horizon", "noise"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_numbers_out_of_range(world: World, branches: int, horizon: int, noise: float) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        BranchedRollouts(world(), branches, horizon, action_noise=noise)
