"""Real environments by id, and whether a model fits them."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.envs import check_environment_spaces, episodic_options, make_environment
from mbrl_mts3.errors import ConfigurationError, SpaceMismatchError


def test_mazes_are_known_and_start_as_the_seed_says(u_maze: gymnasium.Env[Any, Any]) -> None:
    first, again, other = (u_maze.reset(seed=seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first["observation"], again["observation"])
    np.testing.assert_array_equal(first["desired_goal"], again["desired_goal"])
    assert not np.array_equal(first["desired_goal"], other["desired_goal"])


def test_options_reach_the_environment() -> None:
    environment: Any = make_environment("PointMaze_UMaze-v3", max_episode_steps=7, continuing_task=False)
    assert environment.spec.max_episode_steps == 7
    assert not environment.unwrapped.continuing_task
    environment.close()


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match="PointMaze_UMaze-v3"):
        make_environment("PointMaze_UMase-v3")


@pytest.mark.parametrize(
    ("id", "expected"), [("PointMaze_Large-v3", {"continuing_task": False}), ("HalfCheetah-v5", {})]
)
def test_only_mazes_have_a_choice_of_ending(id: str, expected: dict[str, bool]) -> None:
    assert episodic_options(id) == expected


def test_spaces_that_fit_pass_whatever_the_bounds_of_observations(u_maze: gymnasium.Env[Any, Any]) -> None:
    assert isinstance(u_maze.observation_space, spaces.Dict)
    check_environment_spaces(u_maze.observation_space, u_maze.action_space, u_maze)
    narrower = spaces.Dict({**u_maze.observation_space.spaces, "observation": spaces.Box(-1, 1, (4,))})
    check_environment_spaces(narrower, u_maze.action_space, u_maze)


@pytest.mark.parametrize(
    "observation_space",
    [
        spaces.Box(-1, 1, (4,)),
        spaces.Dict({"observation": spaces.Box(-1, 1, (4,))}),
        spaces.Dict({key: spaces.Box(-1, 1, (3,)) for key in ("observation", "achieved_goal", "desired_goal")}),
    ],
)
def test_other_observations_are_refused(u_maze: gymnasium.Env[Any, Any], observation_space: spaces.Space[Any]) -> None:
    with pytest.raises(SpaceMismatchError, match="PointMaze_UMaze-v3"):
        check_environment_spaces(observation_space, u_maze.action_space, u_maze)


@pytest.mark.parametrize("action_space", [spaces.Box(-1, 1, (3,)), spaces.Box(-2, 2, (2,)), spaces.Discrete(2)])
def test_other_actions_are_refused(u_maze: gymnasium.Env[Any, Any], action_space: spaces.Space[Any]) -> None:
    with pytest.raises(SpaceMismatchError, match="actions"):
        check_environment_spaces(u_maze.observation_space, action_space, u_maze)
