"""The environment that a command names, as `make_environment` takes it."""

import pytest
from omegaconf import OmegaConf

from mbrl_mts3.envs import make_environment
from mbrl_mts3.scripts.command_line import describe_environment, read_environment


def test_a_choice_goes_before_the_data_and_options_before_the_choice() -> None:
    chosen = OmegaConf.create({"_target_": "x.y", "_convert_": "all", "id": "A-v0", "strength": [1, 2], "mass": 3})
    assert read_environment(chosen, None, "B-v0") == ("A-v0", {"strength": [1, 2], "mass": 3})
    assert read_environment(chosen, OmegaConf.create({"mass": 4})) == ("A-v0", {"strength": [1, 2], "mass": 4})


@pytest.mark.parametrize(
    ("env_id", "options", "expected"),
    [
        (None, None, {}),
        ("HalfCheetah-v5", None, {}),
        ("PointMaze_UMaze-v3", None, {"continuing_task": False}),
        ("PointMaze_UMaze-v3", {}, {}),
        ("PointMaze_UMaze-v3", {"max_episode_steps": 5}, {"max_episode_steps": 5}),
    ],
)
def test_without_a_choice_the_data_names_it(env_id: str | None, options: dict | None, expected: dict) -> None:
    given = None if options is None else OmegaConf.create(options)
    assert read_environment(None, given, env_id) == (env_id, expected)


def test_options_of_the_data_come_last_and_for_its_environment_only() -> None:
    stored = {"mass": 7, "max_episode_steps": 40}
    chosen = OmegaConf.create({"id": "A-v0", "strength": 2})
    assert read_environment(None, None, "A-v0", stored) == ("A-v0", stored)
    assert read_environment(None, OmegaConf.create({"mass": 4}), "A-v0", stored)[1] == {**stored, "mass": 4}
    assert read_environment(chosen, None, "A-v0", stored)[1] == {**stored, "strength": 2}
    assert read_environment(chosen, None, "B-v0", stored)[1] == {"strength": 2}
    maze = {"continuing_task": True, "reset_target": True, "maze_map": [[1]]}
    ends = {"continuing_task": False, "reset_target": False, "maze_map": [[1]]}
    assert read_environment(None, None, "PointMaze_UMaze-v3", maze)[1] == ends


def test_options_of_a_choice_go_before_those_that_suit_evaluation() -> None:
    """Mazes of sparse rewards go on at their goal: environment.continuing_task=true."""
    chosen = OmegaConf.create({"id": "PointMaze_UMaze-v3", "continuing_task": True, "reset_target": False})
    assert read_environment(chosen)[1] == {"continuing_task": True, "reset_target": False}
    stored = {"continuing_task": True, "reset_target": True}
    assert read_environment(chosen, None, "PointMaze_UMaze-v3", stored)[1] == {**stored, "reset_target": False}
    given = OmegaConf.create({"continuing_task": False})
    assert read_environment(chosen, given)[1]["continuing_task"] is False


def test_the_kitchen_can_be_made_of_its_choice() -> None:
    """Its YAML has _convert_ for Hydra, which the environment does not take."""
    chosen = OmegaConf.create(
        {"_target_": "x.y", "_convert_": "all", "id": "FrankaKitchen-v1", "tasks_to_complete": ["kettle"]}
    )
    env_id, options = read_environment(chosen)
    assert env_id is not None
    environment = make_environment(env_id, **options)
    assert list(environment.unwrapped.goal) == ["kettle"]
    environment.close()


def test_the_line_tells_what_is_of_the_data_and_stays_one_line() -> None:
    options = {"mass": 3, "drag": 2, "maze_map": [[1] * 30] * 3}
    told = describe_environment("A-v0", options, {"mass": 3, "drag": 1, "limit": 4})
    assert told.startswith("real environment: A-v0 with mass=3 (of the data), drag=2, maze_map=[[1, 1, ")
    assert told.endswith("...")
    assert len(told) < 150
    assert describe_environment("A-v0", {}) == "real environment: A-v0"
