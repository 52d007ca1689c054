"""Which transition a reward of D4RL's files belongs to."""

from pathlib import Path

import numpy as np
import pytest
from d4rl_by_hand import assert_equal_to, by_hand, lengths
from d4rl_files import CHEETAH, CHEETAH_FILE, MAZE_FILE, maze_rows, robot_rows, write_rows

from mbrl_mts3.data import load_d4rl, load_dataset
from mbrl_mts3.errors import UnknownDatasetError


@pytest.mark.parametrize("dense", [False, True])
def test_rewards_of_mazes_are_moved_to_the_transition_that_earns_them(d4rl_folder: Path, dense: bool) -> None:
    stored = maze_rows(dense=dense)
    file = "maze2d-umaze-dense-v1.hdf5" if dense else MAZE_FILE
    write_rows(d4rl_folder / file, stored)
    dataset = load_d4rl("maze2d-umaze-dense-v1" if dense else "maze2d-umaze-v1")
    assert lengths(dataset) == [59, 44, 79]
    assert_equal_to(dataset, by_hand(stored, [59, 104, 184], shifted=True))
    assert dataset.observation_names == ("x", "y", "vx", "vy")
    assert dataset.env_id is None
    # The environment's own rule, from what the transition arrived at.
    for episode in dataset.episodes:
        distance = np.hypot(episode.observations[1:, 0] - 1.0, episode.observations[1:, 1] - 1.0)
        expected = np.exp(-distance) if dense else np.float32(distance <= 0.5)
        np.testing.assert_allclose(episode.rewards, expected, atol=1e-6)
    (note,) = [note for note in dataset.notes if "belong to the observation of their row" in note]
    assert "moved by one row" in note
    as_stored = load_d4rl(d4rl_folder / file, rewards="as_stored")
    assert_equal_to(as_stored, by_hand(stored, [59, 104, 184], shifted=False))
    assert as_stored.content_hash != dataset.content_hash
    assert any("as they are stored" in note for note in as_stored.notes)


def test_rewards_that_are_in_place_already_stay(d4rl_folder: Path) -> None:
    stored = maze_rows()
    stored["rewards"] = np.append(stored["rewards"][1:], 0).astype(np.float32)
    write_rows(d4rl_folder / MAZE_FILE, stored)
    dataset = load_d4rl("maze2d-umaze-v1")
    assert any("belong to the observation that follows" in note for note in dataset.notes)
    assert_equal_to(dataset, by_hand(stored, [59, 104, 184], shifted=False))


def test_a_file_of_another_name_is_judged_by_the_goal_that_it_holds(d4rl_folder: Path) -> None:
    stored = maze_rows(goal=(2.0, 2.5))
    stored["infos/goal"][:] = (2.0, 2.5)
    path = write_rows(d4rl_folder / "mine.hdf5", stored)
    dataset = load_d4rl(path)
    assert_equal_to(dataset, by_hand(stored, [59, 104, 184], shifted=True))
    assert any("infos/goal" in note for note in dataset.notes)
    assert dataset.observation_names == tuple(f"observation/{place}" for place in range(4))
    named = load_d4rl(path, ["vx", "x"], like="maze2d-umaze-v1")
    np.testing.assert_array_equal(named.episodes[0].observations, stored["observations"][:60][:, [2, 0]])
    behind = load_dataset(f"{path}@maze2d-umaze-v1", ["vx", "x"])
    assert (behind.dataset_id, behind.content_hash) == (f"{path}@maze2d-umaze-v1", named.content_hash)
    with pytest.raises(UnknownDatasetError, match="maze2d-umaze-v1"):
        load_dataset(f"{path}@maze2d-umaze")


def test_rewards_that_tell_nothing_are_moved_as_the_table_says(d4rl_folder: Path) -> None:
    stored = maze_rows()
    stored["observations"][:, :2] += 50
    stored["rewards"][:] = 0
    write_rows(d4rl_folder / MAZE_FILE, stored)
    dataset = load_d4rl("maze2d-umaze-v1")
    assert lengths(dataset) == [59, 44, 79]
    assert any("do not show" in note and "moved by one row" in note for note in dataset.notes)


def test_shifted_rewards_with_next_observations_leave_the_last_transition_out(d4rl_folder: Path) -> None:
    stored = robot_rows(CHEETAH, (7, 4))
    path = write_rows(d4rl_folder / CHEETAH_FILE, stored)
    dataset = load_d4rl(path, rewards="shifted")
    assert lengths(dataset) == [6, 3]
    assert_equal_to(dataset, by_hand(stored, [6, 10], shifted=True))
