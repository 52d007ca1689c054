"""mts3-convert from the command line, on real files."""

import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from bad_input import BadInput, bad_input
from d4rl_files import maze_rows, robot_rows, write_rows

from mbrl_mts3.data import load_dataset
from mbrl_mts3.scripts import convert

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def command(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mts3-convert", *arguments])
        convert.main()
        return capsys.readouterr().out

    return command


def test_d4rl_to_minari_to_rows_to_arrays(run: Run, tmp_path: Path) -> None:
    write_rows(tmp_path / "d4rl" / "halfcheetah_medium-v2.hdf5", robot_rows())
    printed = run("dataset_id=halfcheetah-medium-v2")
    assert "mbrl-mts3/d4rl/halfcheetah-medium-v2" in printed
    assert "HalfCheetah-v5" in printed
    run("dataset_id=mbrl-mts3/d4rl/halfcheetah-medium-v2", "to=rows.hdf5")
    run("dataset_id=rows.hdf5", "to=arrays.npz")
    loaded = [load_dataset(name) for name in ("halfcheetah-medium-v2", "mbrl-mts3/d4rl/halfcheetah-medium-v2")]
    loaded.append(load_dataset("rows.hdf5"))
    for other in loaded[1:]:
        assert other.observation_names == loaded[0].observation_names
        for one, two in zip(loaded[0].episodes, other.episodes, strict=True):
            np.testing.assert_array_equal(one.observations, two.observations)
            np.testing.assert_array_equal(one.rewards, two.rewards)
    with np.load("arrays.npz") as arrays:
        np.testing.assert_array_equal(arrays["rewards"], np.concatenate([each.rewards for each in loaded[0].episodes]))
    assert sorted(path.name for path in Path().iterdir()) == ["arrays.npz", "rows.hdf5", "runs"]


def test_what_was_found_is_printed(run: Run, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "strange.hdf5", maze_rows())
    printed = " ".join(run(f"dataset_id={path}@maze2d-umaze-v1", "to=rows.hdf5").split())
    assert "Stored rewards belong to the observation of their row" in printed
    with h5py.File("rows.hdf5") as file:
        np.testing.assert_array_equal(file["rewards"][:59], maze_rows()["rewards"][1:60])


@bad_input(
    (["dataset_id=kitchen-complete-v1"], "to= is needed for kitchen-complete-v1"),
    (["dataset_id=d4rl/kitchen-complete-v1", "to=a.npz"], "d4rl/kitchen-complete-v0"),
    (["dataset_id=mine/none-v0", "to=a.npz"], "mts3-collect"),
    (["dataset_id=none.hdf5", "to=a.npz"], "there is no file none.hdf5"),
    (["dataset_id=kitchen-complete-v0"], "download=true"),
    (["dataset_id=kitchen-complete-v0", "rewards=moved"], "auto, shifted, as_stored"),
)
def test_bad_input(run: Run, refused: Callable[..., str], case: BadInput) -> None:
    said = refused(run, *case.words, message=case.message)
    assert len(said.strip().splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["runs"]
