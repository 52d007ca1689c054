"""Tasks: what they ask of observations, and the rewards that they hand out."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch

from mbrl_mts3.data.observation_selector import ObservationSelector
from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.rewards import (
    DriveToPointReward,
    ForwardProgressReward,
    GoalDistanceReward,
    HalfCheetahReward,
    ShortestPathReward,
)
from mbrl_mts3.envs.tasks import (
    HalfCheetahTask,
    LearnedRewardTask,
    PointMazeTask,
    SkidSteerGoalTask,
    SkidSteerTask,
    default_task,
)
from mbrl_mts3.envs.terminations import NeverTerminates, TippedOver
from mbrl_mts3.errors import ConfigurationError, UnknownObservationError


def selector(environment: gymnasium.Env[Any, Any], select: Any = "all") -> ObservationSelector:
    assert environment.spec is not None
    return ObservationSelector.from_space(environment.observation_space, environment.spec.id, select)


def batch(environment: gymnasium.Env[Any, Any], seeds: tuple[int, ...]) -> dict[str, np.ndarray]:
    observations = [environment.reset(seed=seed)[0] for seed in seeds]
    return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}


@pytest.mark.parametrize("kind", ["shaped", "straight", "dense", "sparse"])
def test_maze_rewards_lead_to_the_goal_that_the_observation_names(u_maze: gymnasium.Env[Any, Any], kind: Any) -> None:
    raw = batch(u_maze, (0, 1, 2))
    task = PointMazeTask(kind).prepare(u_maze)
    reward = task.reward_function(raw, selector(u_maze, ["vy", "y", "x"]))
    assert isinstance(reward, ShortestPathReward if kind == "shaped" else GoalDistanceReward)
    goals, starts = (torch.as_tensor(raw[key], dtype=torch.float32) for key in ("desired_goal", "achieved_goal"))
    at_goal, at_start = (torch.cat([torch.zeros(3, 1), xy.flip(-1)], dim=-1) for xy in (goals, starts))
    action = torch.zeros(3, 2)
    assert (reward(at_start, action, at_goal) > reward(at_goal, action, at_start)).all()


def test_the_shaped_reward_wants_its_walls(u_maze: gymnasium.Env[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match="prepare"):
        PointMazeTask("shaped").reward_function(batch(u_maze, (0,)), selector(u_maze))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="curved"):
        PointMazeTask("curved")


def test_an_observation_without_a_goal_is_refused(u_maze: gymnasium.Env[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match="desired_goal"):
        PointMazeTask("straight").reward_function(np.zeros((1, 4)), selector(u_maze))


def test_a_model_that_does_not_see_the_ball_cannot_score_the_maze(u_maze: gymnasium.Env[Any, Any]) -> None:
    with pytest.raises(UnknownObservationError, match=r"PointMaze .* does not see x"):
        PointMazeTask("straight").columns(selector(u_maze, ["y", "vx"]))


def test_maze_success_is_the_environments_word_else_the_goals_radius() -> None:
    task = PointMazeTask()
    at = {"achieved_goal": np.array([0.0, 0.0]), "desired_goal": np.array([0.0, 0.44])}
    assert task.success(at, {})
    assert not task.success({**at, "desired_goal": np.array([0.0, 0.46])}, {})
    assert not task.success(at, {"success": False})


def test_half_cheetah_needs_its_velocity_and_finds_it() -> None:
    environment = make_environment("HalfCheetah-v5")
    everything, positions = selector(environment), selector(environment, "positions")
    environment.close()
    raw = np.arange(34.0).reshape(2, 17)
    reward = HalfCheetahTask(control_weight=0.0).reward_function(raw, everything)
    assert isinstance(reward, HalfCheetahReward)
    seen = torch.as_tensor(everything(raw))
    assert reward(seen, torch.zeros(2, 6), seen).tolist() == [8.0, 25.0]
    with pytest.raises(UnknownObservationError, match="HalfCheetah"):
        HalfCheetahTask().columns(positions)
    assert HalfCheetahTask().success(raw[0], {}) is None


def test_the_learned_reward_asks_for_nothing(u_maze: gymnasium.Env[Any, Any]) -> None:
    task = LearnedRewardTask()
    assert task.columns(selector(u_maze, ["vx"])) == ()
    assert task.reward_function({}, selector(u_maze)) is None
    assert task.success({}, {"success": True})


def test_the_robot_is_paid_for_progress_until_it_tips_over() -> None:
    environment = make_environment("mbrl_mts3/SkidSteer-v0")
    task, everything = default_task("mbrl_mts3/SkidSteer-v0"), selector(environment)
    assert everything.names == selector(environment, "positions").names
    assert isinstance(task, SkidSteerTask)
    raw, _ = environment.reset(seed=0)
    assert task.reward_function(raw, everything) == ForwardProgressReward(0, 0.02, 1.0, 0.05)
    ends = task.termination_function(raw, everything)
    assert isinstance(ends, TippedOver)
    assert not ends(torch.as_tensor(everything(raw)))
    assert isinstance(SkidSteerTask(terminate_when_tipped=False).termination_function(raw, everything), NeverTerminates)
    unseen = selector(environment, ["x", "sin_roll", "cos_pitch"])
    with pytest.raises(UnknownObservationError, match="cos_roll"):
        task.termination_function(raw, unseen)
    environment.close()


def test_the_robot_is_paid_for_its_distance_to_a_point_until_it_is_there_or_tips_over() -> None:
    environment = make_environment("mbrl_mts3/SkidSteer-v0", goal_distance=8.0)
    everything = selector(environment)
    task = SkidSteerGoalTask("straight").prepare(environment)
    raw = np.stack([environment.reset(seed=seed)[0] for seed in (0, 1)])
    reward = task.reward_function(raw, everything)
    places = torch.zeros(2, 3, 9)
    places[:, :, 6:] = 1.0
    places[0, 1, 0], places[0, 2, :2] = 4.4, torch.tensor([1.0, 4.0])
    expected = torch.tensor([[-4.0, -0.4, -5.0], [-4.0, -4.0, -4.0]])
    assert torch.allclose(reward(places, places[..., :4], places), expected)
    ends = task.termination_function(raw, everything)
    assert ends(places).tolist() == [[False, True, False], [False, False, False]]
    lying = places.clone()
    lying[1, 2, 6] = 0.0
    assert ends(lying).tolist() == [[False, True, False], [False, False, True]]
    goes_on = SkidSteerGoalTask(terminate_when_tipped=False).prepare(environment).termination_function(raw, everything)
    assert goes_on(lying).tolist() == [[False, True, False], [False, False, False]]
    assert task.success_function(raw, everything)(lying).tolist() == [[False, True, False], [False, False, False]]
    assert isinstance(SkidSteerGoalTask().prepare(environment).reward_function(raw, everything), DriveToPointReward)
    with pytest.raises(UnknownObservationError, match="yaw"):
        SkidSteerGoalTask().prepare(environment).reward_function(raw, selector(environment, ["x", "y"]))
    with pytest.raises(ConfigurationError, match="shaped or straight"):
        SkidSteerGoalTask("dense")
    named = SkidSteerGoalTask("straight", [0.0, 1.0]).prepare(environment).reward_function(raw, everything)
    assert torch.allclose(named(places, places[..., :4], places)[1], -torch.ones(3))
    with pytest.raises(ConfigurationError, match="prepare"):
        SkidSteerGoalTask().reward_function(raw, everything)
    environment.close()
    plain = make_environment("mbrl_mts3/SkidSteer-v0")
    with pytest.raises(ConfigurationError, match="skid_steer_goal"):
        SkidSteerGoalTask().prepare(plain)
    plain.close()
