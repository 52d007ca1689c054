"""One imagined environment, by the rules of Gymnasium and Stable-Baselines3."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from mbrl_mts3.envs import make_environment
from mbrl_mts3.envs.world_model import WorldModelDynamics, WorldModelEnv
from mbrl_mts3.errors import ConfigurationError, ShapeError

Load = Callable[..., WorldModelDynamics]
WORLDS = ("load_cheetah", "load_maze")


@pytest.fixture(params=WORLDS)
def load(request: pytest.FixtureRequest) -> Load:
    loaded: Load = request.getfixturevalue(request.param)
    return loaded


def play(environment: gymnasium.Env[Any, Any], steps: int, seed: int | None = None) -> list[Any]:
    """Everything that an environment gives under seeded actions."""
    environment.action_space.seed(0)
    given: list[Any] = [environment.reset(seed=seed)] if seed is not None else []
    return given + [environment.step(environment.action_space.sample()) for _ in range(steps)]


def test_both_checkers_are_content(load: Load) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The spaces are the real environment's, and those have no bounds.
        warnings.filterwarnings("ignore", message=".*Box observation space.*infinity")
        warnings.filterwarnings("ignore", message=".*not having a spec")
        check_env(WorldModelEnv(load()))
        check_for_sb3(WorldModelEnv(load()))


@pytest.mark.parametrize(("load", "env_id"), [("load_cheetah", "HalfCheetah-v5"), ("load_maze", "PointMaze_UMaze-v3")])
def test_spaces_are_the_real_environment_s(request: pytest.FixtureRequest, load: str, env_id: str) -> None:
    environment, real = WorldModelEnv(request.getfixturevalue(load)()), make_environment(env_id)
    assert environment.observation_space == real.observation_space
    assert environment.action_space == real.action_space
    real.close()


def test_equal_seeds_give_equal_data(load: Load) -> None:
    options = {"uncertainty": "aleatoric", "max_episode_steps": 5}
    first, second = (WorldModelEnv(load(**options)) for _ in range(2))
    assert data_equivalence(play(first, 5, seed=3), play(second, 5, seed=3), exact=True)
    assert data_equivalence(play(first, 5, seed=3), play(second, 5, seed=3), exact=True)
    assert not data_equivalence(play(first, 5, seed=3), play(second, 5, seed=4))


def test_a_reset_without_a_seed_goes_on_drawing(load: Load) -> None:
    environment = WorldModelEnv(load())
    first, second = environment.reset(seed=3)[0], environment.reset()[0]
    assert not data_equivalence(first, second)
    environment.reset(seed=3)
    assert data_equivalence(environment.reset()[0], second, exact=True)


def test_a_pickled_copy_goes_on_where_the_environment_is(load: Load) -> None:
    environment = WorldModelEnv(load())
    play(environment, 7, seed=3)
    copy = pickle.loads(pickle.dumps(environment))
    assert data_equivalence(play(environment, 5), play(copy, 5), exact=True)


def test_infos_tell_what_the_task_and_the_uncertainty_are(load_maze: Load) -> None:
    environment = WorldModelEnv(load_maze(uncertainty="aleatoric", max_episode_steps=2))
    steps = play(environment, 2, seed=0)[1:]
    for observation, reward, terminated, _, info in steps:
        distance = np.linalg.norm(observation["achieved_goal"] - observation["desired_goal"])
        assert info["success"] is bool(distance <= 0.45)
        assert info["uncertainty"] > 0
        assert reward == float(info["success"])
        assert terminated is False
    assert [(step[3], step[4].get("truncation")) for step in steps] == [(False, None), (True, "time_limit")]


def test_uncertainty_truncates_and_says_so(load_cheetah: Load) -> None:
    environment = WorldModelEnv(load_cheetah(uncertainty="aleatoric", uncertainty_budget=1e-3))
    (_, (_, _, terminated, truncated, info)) = play(environment, 1, seed=0)
    assert (terminated, truncated, info["truncation"]) == (False, True, "uncertainty")


def test_it_cannot_be_sampled_without_a_scene(load_cheetah: Load) -> None:
    environment = WorldModelEnv(load_cheetah())
    environment.reset()
    assert environment.render_mode is None
    assert environment.render() is None
    environment.close()
    environment.close()


def test_misuse_is_an_error_that_says_what_to_do(load_cheetah: Load) -> None:
    environment = WorldModelEnv(load_cheetah())
    with pytest.raises(ConfigurationError, match="reset"):
        environment.step(np.zeros(6, np.float32))
    environment.reset()
    with pytest.raises(ShapeError, match=r"\(1, 6\), got \(1, 5\)"):
        environment.step(np.zeros(5, np.float32))
