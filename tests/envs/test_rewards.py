"""Rewards against the environments that pay them."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.maze_map import MazeMap
from mbrl_mts3.envs.rewards import (
    DriveToPointReward,
    ForwardProgressReward,
    GoalDistanceReward,
    HalfCheetahReward,
    ShortestPathReward,
)

NO_ACTION = torch.zeros(2)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_maze_rewards_are_the_environments_own(kind: Any) -> None:
    environment: Any = make_environment("PointMaze_UMaze-v3", reward_type=kind)
    goals, positions = np.random.default_rng(0).uniform(-1, 1, (2, 50, 2))
    paid = environment.unwrapped.compute_reward(positions, goals, {})
    environment.close()
    # The velocity comes first here: columns say where x and y are.
    observations = torch.as_tensor(np.concatenate([0 * positions, positions], axis=-1), dtype=torch.float32)
    reward = GoalDistanceReward(torch.as_tensor(goals, dtype=torch.float32), (2, 3), kind)
    np.testing.assert_allclose(reward(observations * 0, NO_ACTION, observations), paid, atol=1e-6)
    assert len(set(paid)) > 1


def test_the_straight_distance_holds_for_candidates_of_each_environment() -> None:
    goals = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    observations = torch.randn(2, 3, 4, 4)
    rewards = GoalDistanceReward(goals, (0, 1))(observations * 0, NO_ACTION, observations)
    for b in range(2):
        torch.testing.assert_close(rewards[b], -(observations[b, ..., :2] - goals[b]).norm(dim=-1))


def test_the_shaped_reward_sees_the_way_around_the_wall(u_maze: gymnasium.Env[Any, Any]) -> None:
    field = MazeMap.from_environment(u_maze).distance_field(np.array([[-1.0, -1.0]]))
    shaped = ShortestPathReward(field, (0, 1))
    straight = GoalDistanceReward(torch.tensor([[-1.0, -1.0]]), (0, 1))
    # Above the wall, opposite the goal: moving away from the goal, to the right, is the way.
    left, right = (torch.tensor([[[x, 1.0, 0.0, 0.0]]]) for x in (-1.0, 0.5))
    assert straight(left, NO_ACTION, right) < straight(left, NO_ACTION, left)
    assert shaped(left, NO_ACTION, right) > shaped(left, NO_ACTION, left)


def test_half_cheetah_reward_follows_the_environments() -> None:
    environment = make_environment("HalfCheetah-v5")
    environment.action_space.seed(0)
    observation, _ = environment.reset(seed=0)
    rows = []
    for _ in range(300):
        action = environment.action_space.sample()
        after, paid, _, _, info = environment.step(action)
        rows.append((observation, action, after, paid, info["reward_ctrl"]))
        observation = after
    environment.close()
    before, actions, afters, paid, control = (np.array(column) for column in zip(*rows, strict=True))
    as_tensors = [torch.as_tensor(array, dtype=torch.float64) for array in (before, actions, afters)]
    ours = HalfCheetahReward(velocity_column=8)(*as_tensors).numpy()
    np.testing.assert_allclose(ours - afters[:, 8], control, atol=1e-6)
    # The velocity at the end of a step is close to its mean over the step, but not the same.
    assert np.corrcoef(ours, paid)[0, 1] > 0.8
    assert abs(ours.mean() - paid.mean()) < 0.1


def test_forward_progress_is_what_the_robot_is_paid() -> None:
    environment = make_environment("mbrl_mts3/SkidSteer-v0")
    environment.action_space.seed(0)
    observation, _ = environment.reset(seed=0)
    reward = ForwardProgressReward(column=0, step_seconds=0.02, forward_weight=1.0, control_weight=0.05)
    for _ in range(100):
        action = environment.action_space.sample()
        after, paid, _, _, _ = environment.step(action)
        before_and_after = (torch.as_tensor(array, dtype=torch.float64) for array in (observation, action, after))
        assert float(reward(*before_and_after)) == pytest.approx(float(paid), abs=1e-6)
        observation = after
    environment.close()


def test_the_way_to_a_point_counts_the_turn_that_it_needs() -> None:
    """Against seconds counted by hand, with either end of the robot ahead."""
    goals = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    reward = DriveToPointReward(goals, (0, 1, 2, 3), speed=2.0, turn_rate=0.5, radius=1.0)
    towards = np.arctan2(4.0, 3.0)
    yaws = torch.tensor([towards, towards + np.pi, towards + np.pi / 2, towards - 0.3])
    rows = torch.stack([torch.zeros(4), torch.zeros(4), yaws.sin(), yaws.cos()], dim=-1).expand(2, 4, 4).clone()
    rows[1, :, :2] = 0.0
    paid = reward(rows, rows, rows.float())
    turn = 5 / 6 / 0.5
    expected = [-2.5, -2.5, -2.5 - np.pi / 2 * turn, -2.5 - 0.3 * turn]
    np.testing.assert_allclose(paid[0], expected, atol=1e-5)
    np.testing.assert_allclose(paid[1], 0, atol=1e-6)
