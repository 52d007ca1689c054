"""What is wrong with a D4RL file, or with its name, is said before anything is made of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from d4rl_files import CHEETAH_FILE, Stored, robot_rows, without, write_rows

from mbrl_mts3.data import load_d4rl, load_dataset
from mbrl_mts3.errors import (
    ConfigurationError,
    DataError,
    NonFiniteDataError,
    UnknownDatasetError,
    UnknownObservationError,
)


@pytest.mark.parametrize(
    ("dataset_id", "nearest"),
    [
        ("d4rl/halfcheetah-medum-v2", "d4rl/halfcheetah-medium-v2"),
        ("d4rl/maze2d-umaze-v0", "d4rl/maze2d-umaze-v1"),
        ("d4rl/kitchen-complet", "d4rl/kitchen-complete-v0"),
        ("d4rl/", "d4rl/"),
    ],
)
def test_unknown_ids_name_the_nearest(d4rl_folder: Path, dataset_id: str, nearest: str) -> None:
    for load in (load_d4rl, load_dataset):
        with pytest.raises(UnknownDatasetError, match=nearest):
            load(dataset_id)


def test_a_file_that_is_not_there(d4rl_folder: Path) -> None:
    with pytest.raises(UnknownDatasetError, match=r"download=true.*halfcheetah_medium-v2.hdf5.*d4rl"):
        load_d4rl("halfcheetah-medium-v2")
    with pytest.raises(DataError, match="there is no file"):
        load_d4rl(d4rl_folder / CHEETAH_FILE)
    assert not d4rl_folder.exists()


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
def test_damaged_arrays(d4rl_folder: Path, damage: Callable[[Stored], Stored], message: str) -> None:
    write_rows(d4rl_folder / CHEETAH_FILE, damage(robot_rows()))
    with pytest.raises(DataError, match=message):
        load_d4rl("halfcheetah-medium-v2")


@pytest.mark.parametrize("keep", [0, 4, 500, 0.5, 0.95])
def test_a_truncated_file(d4rl_folder: Path, keep: float) -> None:
    path = write_rows(d4rl_folder / CHEETAH_FILE, robot_rows())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(DataError, match="incomplete"):
        load_d4rl("halfcheetah-medium-v2")


def test_a_damaged_piece_within(d4rl_folder: Path) -> None:
    stored = robot_rows(lengths=(400, 300))
    path = write_rows(d4rl_folder / CHEETAH_FILE, stored)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 2000] = bytes(2000)
    path.write_bytes(whole)
    with pytest.raises(DataError, match="incomplete"):
        load_d4rl("halfcheetah-medium-v2")


def test_wrong_numbers_and_names(d4rl_folder: Path) -> None:
    stored = robot_rows()
    stored["observations"][12, 3] = np.nan
    stored["next_observations"][11, 3] = np.nan
    path = write_rows(d4rl_folder / CHEETAH_FILE, stored)
    with pytest.raises(NonFiniteDataError, match="episode 2, step 1"):
        load_d4rl(path)
    assert load_d4rl(path, ["rooty"]).total_steps == 20
    with pytest.raises(UnknownObservationError, match="rootz"):
        load_d4rl(path, ["roots"])
    with pytest.raises(ConfigurationError, match="shifted"):
        load_d4rl(path, rewards="moved")
