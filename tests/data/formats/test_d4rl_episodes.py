"""Where episodes of D4RL's files end."""

from pathlib import Path

import numpy as np
import pytest
from d4rl_by_hand import assert_equal_to, by_hand, lengths
from d4rl_files import CHEETAH, CHEETAH_FILE, HOPPER, robot_rows, without, write_rows

from mbrl_mts3.data import load_d4rl
from mbrl_mts3.data.formats.d4rl_arrays import D4RLArrays
from mbrl_mts3.data.formats.d4rl_episodes import episode_ends
from mbrl_mts3.errors import DataError


@pytest.mark.parametrize("column", [False, True])
def test_without_next_observations_the_last_row_is_no_transition(d4rl_folder: Path, column: bool) -> None:
    stored = without(robot_rows(CHEETAH, (7, 4, 9)), "next_observations")
    if column:
        stored |= {name: stored[name][:, None] for name in ("rewards", "terminals")}
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    assert lengths(dataset) == [6, 3, 8]
    assert_equal_to(dataset, by_hand(stored, [6, 10, 19], shifted=False))
    assert [note for note in dataset.notes if "3 of 20 rows" in note]
    # One info for each observation.
    np.testing.assert_array_equal(dataset.episodes[2].infos["qvel"], stored["infos/qvel"][11:])


def test_without_timeouts_episodes_end_at_the_limit(d4rl_folder: Path) -> None:
    generator = np.random.default_rng(1)
    rows = 2300
    terminals = np.zeros(rows, np.bool_)
    terminals[149] = True
    stored = {
        "observations": generator.normal(size=(rows, 17)).astype(np.float32),
        "actions": generator.uniform(-1, 1, (rows, 6)).astype(np.float32),
        "rewards": generator.normal(size=rows).astype(np.float32),
        "terminals": terminals,
    }
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    # The limit counts from the last end: 150 rows, 1,000, 1,000, and the 150 that are left.
    assert lengths(dataset) == [149, 999, 999, 149]
    assert_equal_to(dataset, by_hand(stored, [149, 1149, 2149, 2299], shifted=False))
    assert any("limit of 1000 steps" in note for note in dataset.notes)


def test_timeouts_that_are_never_set_tell_nothing(d4rl_folder: Path) -> None:
    stored = robot_rows(CHEETAH, (2300,))
    stored["timeouts"][:] = False
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    assert lengths(dataset) == [1000, 1000, 300]
    assert_equal_to(dataset, by_hand(stored, [999, 1999, 2299], shifted=False))


@pytest.mark.parametrize("break_at", [99_999, 100_000, 100_001, 249_998])
def test_breaks_are_found_wherever_they_are(break_at: int) -> None:
    observations = np.arange(250_000, dtype=np.float64)[:, None]
    following = observations + 1
    following[break_at] = -5
    arrays = D4RLArrays(
        observations,
        observations,
        observations[:, 0],
        np.zeros(len(observations), np.bool_),
        np.zeros(len(observations), np.bool_),
        following,
    )
    ends, notes = episode_ends(arrays, None)
    assert np.flatnonzero(ends).tolist() == [break_at, 249_999]
    assert len(notes) == 1


def test_terminal_and_cut_ends_are_told_apart(d4rl_folder: Path) -> None:
    stored = robot_rows(HOPPER, (5, 6, 1), terminal=(1,))
    write_rows(d4rl_folder / "hopper_medium-v2.hdf5", stored)
    dataset = load_d4rl("hopper-medium-v2")
    assert lengths(dataset) == [5, 6, 1]
    assert [bool(episode.terminations[-1]) for episode in dataset.episodes] == [False, True, False]
    assert [bool(episode.truncations[-1]) for episode in dataset.episodes] == [True, False, True]


def test_an_episode_of_one_row_without_a_next_one_is_left_out(d4rl_folder: Path) -> None:
    stored = without(robot_rows(HOPPER, (5, 1, 3)), "next_observations")
    write_rows(d4rl_folder / "hopper_medium-v2.hdf5", stored)
    assert lengths(load_d4rl("hopper-medium-v2")) == [4, 2]


def test_a_break_that_is_not_marked_is_not_crossed(d4rl_folder: Path) -> None:
    stored = robot_rows(CHEETAH, (30, 20))
    stored["timeouts"][29] = False
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    assert_equal_to(dataset, by_hand(stored, [29, 49], shifted=False))
    assert any("1 unmarked rows" in note for note in dataset.notes)


def test_shuffled_rows_are_refused(d4rl_folder: Path) -> None:
    stored = robot_rows(CHEETAH, (30, 20))
    order = np.random.default_rng(0).permutation(50)
    stored |= {name: stored[name][order] for name in ("observations", "next_observations")}
    write_rows(d4rl_folder / CHEETAH_FILE, stored)
    with pytest.raises(DataError, match="order of time"):
        load_d4rl("halfcheetah-medium-v2")


def test_no_ends_and_no_limit(d4rl_folder: Path) -> None:
    path = write_rows(d4rl_folder / "mine.hdf5", without(robot_rows(), "timeouts", "next_observations"))
    with pytest.raises(DataError, match=r"file\.hdf5@halfcheetah-medium-v2"):
        load_d4rl(path)
    assert load_d4rl(path, like="halfcheetah-random-v2").total_steps == 19
