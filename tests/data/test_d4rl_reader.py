"""The four layouts of D4RL, written as it writes them, read back and compared row by row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from d4rl_files import (
    CHEETAH,
    HOPPER,
    KITCHEN_GOALS,
    Stored,
    kitchen_rows,
    maze_rows,
    robot_rows,
    write_rows,
)

from mbrl_mts3.data import OfflineDataset, d4rl_info, load_d4rl, load_dataset
from mbrl_mts3.data.d4rl_arrays import D4RLArrays
from mbrl_mts3.data.d4rl_episodes import episode_ends
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.errors import (
    ConfigurationError,
    DataError,
    NonFiniteDataError,
    UnknownDatasetError,
    UnknownObservationError,
)

CHEETAH_FILE = "halfcheetah_medium-v2.hdf5"
MAZE_FILE = "maze2d-umaze-sparse-v1.hdf5"
KITCHEN_FILE = "mini_kitchen_microwave_kettle_light_slider-v0.hdf5"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    return tmp_path / "d4rl"


def without(stored: Stored, *names: str) -> Stored:
    return {name: array for name, array in stored.items() if name not in names}


def lengths(dataset: OfflineDataset) -> list[int]:
    return [len(episode) for episode in dataset.episodes]


def by_hand(stored: Stored, ends: list[int], shifted: bool) -> list[dict[str, list[Any]]]:
    """Episodes by a loop over single rows; the last of each is left out unless it can be completed."""
    episodes: list[dict[str, list[Any]]] = []
    start = 0
    for end in ends:
        episode: dict[str, list[Any]] = {name: [] for name in ("observations", "actions", "rewards", "next")}
        for row in range(start, end + 1):
            if "next_observations" in stored and not shifted:
                following, reward = stored["next_observations"][row], stored["rewards"][row]
            elif row < end:
                following, reward = stored["observations"][row + 1], stored["rewards"][row + shifted]
            else:
                continue
            episode["observations"].append(stored["observations"][row])
            episode["next"].append(following)
            episode["actions"].append(stored["actions"][row])
            episode["rewards"].append(float(np.reshape(reward, ())))
        episodes.append(episode)
        start = end + 1
    return episodes


def assert_equal_to(dataset: OfflineDataset, expected: list[dict[str, list[Any]]]) -> None:
    assert len(dataset.episodes) == len(expected)
    for episode, hand in zip(dataset.episodes, expected, strict=True):
        np.testing.assert_array_equal(episode.observations[:-1], np.array(hand["observations"], np.float32))
        np.testing.assert_array_equal(episode.observations[1:], np.array(hand["next"], np.float32))
        np.testing.assert_array_equal(episode.actions, np.array(hand["actions"], np.float32))
        np.testing.assert_array_equal(episode.rewards, np.array(hand["rewards"], np.float32))
        assert not episode.terminations[:-1].any()
        assert not episode.truncations[:-1].any()
        assert episode.truncations[-1] != episode.terminations[-1]


def test_robots_with_next_observations_and_timeouts(folder: Path) -> None:
    stored = robot_rows(CHEETAH, (7, 4, 9))
    write_rows(folder / CHEETAH_FILE, stored)
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


def test_both_spellings_of_an_id_the_path_and_the_common_door_give_the_same(folder: Path) -> None:
    path = write_rows(folder / CHEETAH_FILE, robot_rows())
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


@pytest.mark.parametrize("column", [False, True])
def test_without_next_observations_the_last_row_is_no_transition(folder: Path, column: bool) -> None:
    stored = without(robot_rows(CHEETAH, (7, 4, 9)), "next_observations")
    if column:
        stored |= {name: stored[name][:, None] for name in ("rewards", "terminals")}
    write_rows(folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    assert lengths(dataset) == [6, 3, 8]
    assert_equal_to(dataset, by_hand(stored, [6, 10, 19], shifted=False))
    assert [note for note in dataset.notes if "3 of 20 rows" in note]
    # One info for each observation.
    np.testing.assert_array_equal(dataset.episodes[2].infos["qvel"], stored["infos/qvel"][11:])


def test_without_timeouts_episodes_end_at_the_limit(folder: Path) -> None:
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
    write_rows(folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    # The limit counts from the last end: 150 rows, 1,000, 1,000, and the 150 that are left.
    assert lengths(dataset) == [149, 999, 999, 149]
    assert_equal_to(dataset, by_hand(stored, [149, 1149, 2149, 2299], shifted=False))
    assert any("limit of 1000 steps" in note for note in dataset.notes)


def test_timeouts_that_are_never_set_tell_nothing(folder: Path) -> None:
    stored = robot_rows(CHEETAH, (2300,))
    stored["timeouts"][:] = False
    write_rows(folder / CHEETAH_FILE, stored)
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


def test_terminal_and_cut_ends_are_told_apart(folder: Path) -> None:
    stored = robot_rows(HOPPER, (5, 6, 1), terminal=(1,))
    write_rows(folder / "hopper_medium-v2.hdf5", stored)
    dataset = load_d4rl("hopper-medium-v2")
    assert lengths(dataset) == [5, 6, 1]
    assert [bool(episode.terminations[-1]) for episode in dataset.episodes] == [False, True, False]
    assert [bool(episode.truncations[-1]) for episode in dataset.episodes] == [True, False, True]


def test_an_episode_of_one_row_without_a_next_one_is_left_out(folder: Path) -> None:
    stored = without(robot_rows(HOPPER, (5, 1, 3)), "next_observations")
    write_rows(folder / "hopper_medium-v2.hdf5", stored)
    assert lengths(load_d4rl("hopper-medium-v2")) == [4, 2]


def test_a_break_that_is_not_marked_is_not_crossed(folder: Path) -> None:
    stored = robot_rows(CHEETAH, (30, 20))
    stored["timeouts"][29] = False
    write_rows(folder / CHEETAH_FILE, stored)
    dataset = load_d4rl("halfcheetah-medium-v2")
    assert_equal_to(dataset, by_hand(stored, [29, 49], shifted=False))
    assert any("1 unmarked rows" in note for note in dataset.notes)


def test_shuffled_rows_are_refused(folder: Path) -> None:
    stored = robot_rows(CHEETAH, (30, 20))
    order = np.random.default_rng(0).permutation(50)
    stored |= {name: stored[name][order] for name in ("observations", "next_observations")}
    write_rows(folder / CHEETAH_FILE, stored)
    with pytest.raises(DataError, match="order of time"):
        load_d4rl("halfcheetah-medium-v2")


@pytest.mark.parametrize("dense", [False, True])
def test_rewards_of_mazes_are_moved_to_the_transition_that_earns_them(folder: Path, dense: bool) -> None:
    stored = maze_rows(dense=dense)
    file = "maze2d-umaze-dense-v1.hdf5" if dense else MAZE_FILE
    write_rows(folder / file, stored)
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
    as_stored = load_d4rl(folder / file, rewards="as_stored")
    assert_equal_to(as_stored, by_hand(stored, [59, 104, 184], shifted=False))
    assert as_stored.content_hash != dataset.content_hash
    assert any("as they are stored" in note for note in as_stored.notes)


def test_rewards_that_are_in_place_already_stay(folder: Path) -> None:
    stored = maze_rows()
    stored["rewards"] = np.append(stored["rewards"][1:], 0).astype(np.float32)
    write_rows(folder / MAZE_FILE, stored)
    dataset = load_d4rl("maze2d-umaze-v1")
    assert any("belong to the observation that follows" in note for note in dataset.notes)
    assert_equal_to(dataset, by_hand(stored, [59, 104, 184], shifted=False))


def test_a_file_of_another_name_is_judged_by_the_goal_that_it_holds(folder: Path) -> None:
    stored = maze_rows(goal=(2.0, 2.5))
    stored["infos/goal"][:] = (2.0, 2.5)
    path = write_rows(folder / "mine.hdf5", stored)
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


def test_rewards_that_tell_nothing_are_moved_as_the_table_says(folder: Path) -> None:
    stored = maze_rows()
    stored["observations"][:, :2] += 50
    stored["rewards"][:] = 0
    write_rows(folder / MAZE_FILE, stored)
    dataset = load_d4rl("maze2d-umaze-v1")
    assert lengths(dataset) == [59, 44, 79]
    assert any("do not tell" in note and "moved by one row" in note for note in dataset.notes)


def test_shifted_rewards_with_next_observations_leave_the_last_transition_out(folder: Path) -> None:
    stored = robot_rows(CHEETAH, (7, 4))
    path = write_rows(folder / CHEETAH_FILE, stored)
    dataset = load_d4rl(path, rewards="shifted")
    assert lengths(dataset) == [6, 3]
    assert_equal_to(dataset, by_hand(stored, [6, 10], shifted=True))


def test_kitchens(folder: Path) -> None:
    stored = kitchen_rows((300, 40, 30))
    write_rows(folder / KITCHEN_FILE, stored)
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


def test_selection_does_not_change_the_hash_and_data_does(folder: Path) -> None:
    stored = robot_rows()
    write_rows(folder / CHEETAH_FILE, stored)
    first = load_d4rl("halfcheetah-medium-v2")
    assert load_d4rl("halfcheetah-medium-v2", "positions").content_hash == first.content_hash
    stored["actions"][3, 2] *= 0.5
    write_rows(folder / CHEETAH_FILE, stored)
    assert load_d4rl("halfcheetah-medium-v2").content_hash != first.content_hash


def test_scores() -> None:
    info = d4rl_info("d4rl/halfcheetah-expert-v2")
    assert info.normalized_score(12135.0) == 1.0
    assert info.normalized_score(-280.178953) == 0.0


@pytest.mark.parametrize(
    ("dataset_id", "nearest"),
    [
        ("d4rl/halfcheetah-medum-v2", "d4rl/halfcheetah-medium-v2"),
        ("d4rl/maze2d-umaze-v0", "d4rl/maze2d-umaze-v1"),
        ("d4rl/kitchen-complet", "d4rl/kitchen-complete-v0"),
        ("d4rl/", "d4rl/"),
    ],
)
def test_unknown_ids_name_the_nearest(folder: Path, dataset_id: str, nearest: str) -> None:
    for load in (load_d4rl, load_dataset):
        with pytest.raises(UnknownDatasetError, match=nearest):
            load(dataset_id)


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(UnknownDatasetError, match=r"download=true.*halfcheetah_medium-v2.hdf5.*d4rl"):
        load_d4rl("halfcheetah-medium-v2")
    with pytest.raises(DataError, match="there is no file"):
        load_d4rl(folder / CHEETAH_FILE)
    assert not folder.exists()


def dropped(name: str) -> Callable[[Stored], Stored]:
    return lambda stored: without(stored, name)


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Stored], Stored]:
    return lambda stored: stored | {name: change(stored[name])}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (dropped("observations"), "lacks observations"),
        (dropped("rewards"), "lacks rewards"),
        (dropped("terminals"), "lacks terminals: D4RL's layout needs"),
        (changed("actions", lambda array: array[:-1]), "as many rows.*actions 19"),
        (changed("timeouts", lambda array: array[:3]), "as many rows.*timeouts 3"),
        (changed("observations", lambda array: array.astype("S4")), "observations has the type"),
        (changed("actions", lambda array: array > 0), "booleans"),
        (changed("rewards", lambda array: array.astype(np.complex64)), "rewards has the type complex64"),
        (changed("rewards", lambda array: np.stack([array, array], axis=1)), r"rewards has the shape \(20, 2\)"),
        (changed("rewards", lambda array: np.float32(3)), r"rewards has the shape \(\)"),
        (changed("observations", lambda array: array[:, 0]), r"observations has the shape \(20,\)"),
        (changed("next_observations", lambda array: array[:, :5]), r"next_observations have the shape \(20, 5\)"),
        (changed("terminals", lambda array: array + 0.5), "terminals must be 0 or 1"),
        (changed("actions", lambda array: array * 3), "actions go up to"),
        (lambda stored: {name: array[:0] for name, array in stored.items() if np.ndim(array)}, "holds no row"),
    ],
)
def test_damaged_arrays(folder: Path, damage: Callable[[Stored], Stored], message: str) -> None:
    write_rows(folder / CHEETAH_FILE, damage(robot_rows()))
    with pytest.raises(DataError, match=message):
        load_d4rl("halfcheetah-medium-v2")


@pytest.mark.parametrize("keep", [0, 4, 500, 0.5, 0.95])
def test_a_truncated_file(folder: Path, keep: float) -> None:
    path = write_rows(folder / CHEETAH_FILE, robot_rows())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(DataError, match="cut off"):
        load_d4rl("halfcheetah-medium-v2")


def test_a_damaged_piece_within(folder: Path) -> None:
    stored = robot_rows(lengths=(400, 300))
    path = write_rows(folder / CHEETAH_FILE, stored)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 2000] = bytes(2000)
    path.write_bytes(whole)
    with pytest.raises(DataError, match="cut off"):
        load_d4rl("halfcheetah-medium-v2")


def test_no_ends_and_no_limit(folder: Path) -> None:
    path = write_rows(folder / "mine.hdf5", without(robot_rows(), "timeouts", "next_observations"))
    with pytest.raises(DataError, match=r"file\.hdf5@halfcheetah-medium-v2"):
        load_d4rl(path)
    assert load_d4rl(path, like="halfcheetah-random-v2").total_steps == 19


def test_wrong_numbers_and_names(folder: Path) -> None:
    stored = robot_rows()
    stored["observations"][12, 3] = np.nan
    stored["next_observations"][11, 3] = np.nan
    path = write_rows(folder / CHEETAH_FILE, stored)
    with pytest.raises(NonFiniteDataError, match="episode 2, step 1"):
        load_d4rl(path)
    assert load_d4rl(path, ["rooty"]).total_steps == 20
    with pytest.raises(UnknownObservationError, match="rootz"):
        load_d4rl(path, ["roots"])
    with pytest.raises(ConfigurationError, match="shifted"):
        load_d4rl(path, rewards="moved")


def test_a_foreign_file_keeps_the_bounds_of_its_actions(folder: Path) -> None:
    stored = robot_rows()
    stored["actions"] *= 3
    path = write_rows(folder / "mine.hdf5", stored)
    dataset = load_d4rl(path)
    np.testing.assert_array_equal(dataset.action_space.high, stored["actions"].max(axis=0))
    assert any("bounds of actions" in note for note in dataset.notes)
