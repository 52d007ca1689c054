"""D4RL's robots and kitchens, written as D4RL writes them, read back and compared row by row."""

from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest
from d4rl_by_hand import assert_equal_to, by_hand, lengths
from d4rl_files import CHEETAH, CHEETAH_FILE, KITCHEN_FILE, KITCHEN_GOALS, kitchen_rows, robot_rows, write_rows

from mbrl_mts3.data import find_d4rl_info, load_d4rl, load_dataset
from mbrl_mts3.data.observation_names import known_names


def test_robots_with_next_observations_and_timeouts(d4rl_folder: Path) -> None:
    stored = robot_rows(CHEETAH, (7, 4, 9))
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("d4rl/halfcheetah-medium-v2")
    assert_equal_to(dataset, by_hand(stored, [6, 10, 19], shifted=False))
    assert (dataset.dataset_id, dataset.env_id, dataset.total_steps) == (
        "d4rl/halfcheetah-medium-v2",
        "HalfCheetah-v5",
        20,
    )
    assert dataset.observation_names == known_names("HalfCheetah-v5", 17)
    environment = gymnasium.make("HalfCheetah-v5")
    assert (dataset.observation_space, dataset.action_space) == (
        environment.observation_space,
        environment.action_space,
    )
    environment.close()
    assert dataset.notes == ()
    np.testing.assert_array_equal(dataset.episodes[1].infos["qpos"], stored["infos/qpos"][7:11])
    assert set(dataset.episodes[0].infos) == {"action_log_probs", "qpos", "qvel"}


def test_both_spellings_of_an_id_the_path_and_the_common_door_give_the_same(d4rl_folder: Path) -> None:
    path = write_rows(d4rl_folder / CHEETAH_FILE, robot_rows())
    loaded = [load_d4rl("d4rl/halfcheetah-medium-v2"), load_d4rl("halfcheetah-medium-v2"), load_d4rl(path)]
    loaded += [load_dataset("d4rl/halfcheetah-medium-v2"), load_dataset("halfcheetah-medium-v2"), load_dataset(path)]
    assert len({dataset.content_hash for dataset in loaded}) == 1
    assert loaded[0].dataset_id == loaded[1].dataset_id == "d4rl/halfcheetah-medium-v2"
    assert loaded[2].dataset_id == loaded[5].dataset_id == str(path)
    assert loaded[2].env_id == "HalfCheetah-v5"


def test_d4rls_own_folder_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("D4RL_DATASET_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    write_rows(tmp_path / ".d4rl" / "datasets" / CHEETAH_FILE, robot_rows())
    assert load_d4rl("halfcheetah-medium-v2").total_steps == 20


def test_kitchens(d4rl_folder: Path) -> None:
    stored = kitchen_rows((300, 40, 30))
    write_rows(d4rl_folder / KITCHEN_FILE, stored)
    dataset = load_d4rl("kitchen-complete-v0")
    # 300 rows are more than the environment's 280 steps; they are one demonstration all the same.
    assert lengths(dataset) == [299, 39, 29]
    assert_equal_to(dataset, by_hand(stored, [299, 339, 369], shifted=True))
    assert not any(episode.terminations.any() for episode in dataset.episodes)
    names = dataset.observation_names
    assert len(names) == len(set(names)) == 60
    assert [names[place] for place in (0, 9, 19, 22, 23, 52)] == [
        "panda0_joint1",
        "knob_joint_1",
        "slide_cabinet",
        "microwave",
        "kettle_x",
        "goal_microwave",
    ]
    for places, goal in KITCHEN_GOALS.values():
        columns = [names.index(f"goal_{names[place]}") for place in places]
        np.testing.assert_allclose(dataset.episodes[0].observations[0, columns], goal)
    assert any("kitchen tasks" in note and "of their row" in note for note in dataset.notes)
    assert dataset.observation_space.shape == (60,)
    assert len(load_d4rl("kitchen-complete-v0", "positions").observation_names) == 30
    np.testing.assert_array_equal(dataset.episodes[1].infos["infos"], np.ones(40))


@pytest.mark.parametrize("env_id", ["Hopper-v5", "Walker2d-v5", "HalfCheetah-v5"])
def test_names_are_the_joints_of_the_environment(env_id: str) -> None:
    environment = gymnasium.make(env_id)
    model = environment.unwrapped.model
    joints = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, number) for number in range(model.njnt)]
    names = known_names(env_id, environment.observation_space.shape[0])
    assert names == (*joints[1:], *(f"v_{joint}" for joint in joints))
    environment.close()


def test_selection_does_not_change_the_hash_and_data_does(d4rl_folder: Path) -> None:
    stored = robot_rows()
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    first = load_d4rl("halfcheetah-medium-v2")
    assert load_d4rl("halfcheetah-medium-v2", "positions").content_hash == first.content_hash
    stored["actions"][3, 2] *= 0.5
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    assert load_d4rl("halfcheetah-medium-v2").content_hash != first.content_hash


def test_scores() -> None:
    info = find_d4rl_info("d4rl/halfcheetah-expert-v2")
    assert info.reference_scores == (-280.178953, 12135.0)


def test_a_foreign_file_keeps_the_bounds_of_its_actions(d4rl_folder: Path) -> None:
    stored = robot_rows()
    stored["actions"] *= 3
    path = write_rows(d4rl_folder / "mine.hdf5", stored)
    dataset = load_d4rl(path)
    np.testing.assert_array_equal(dataset.action_space.high, stored["actions"].max(axis=0))
    assert any("bounds of actions" in note for note in dataset.notes)
