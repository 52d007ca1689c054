"""Each run has a folder of its own, and what the system refuses is told in one line."""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from random_walks import write_walks

from mbrl_mts3.scripts.command_line import make_new_folder

DATA = "tests/run-folders-v0"


def test_runs_that_ask_at_once_get_different_folders(tmp_path: Path):
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: make_new_folder(str(tmp_path / "deep" / "run")), range(20)))
    assert len(set(made)) == 20
    assert all(Path(folder).is_dir() for folder in made)
    assert str(tmp_path / "deep" / "run-20") in made


def test_one_run_asks_once(tmp_path: Path):
    config = OmegaConf.create({"dir": f"${{new_folder:{tmp_path}/run}}"})
    assert config.dir == config.dir == str(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_place_that_cannot_be_written_is_left_to_hydra(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert make_new_folder(str(tmp_path / "file" / "run")) == str(tmp_path / "file" / "run")


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.chdir(tmp_path)
    write_walks(DATA, lengths=(9,) * 3)

    def run(*words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["mts3-convert", f"dataset_id={DATA}", *words])
        import_module("mbrl_mts3.scripts.convert").main()

    return run


def test_runs_of_one_second_do_not_meet(tmp_path: Path, convert: Callable[..., None]):
    for number in range(3):
        convert(f"to={number}.npz", "hydra.run.dir=${new_folder:runs/same}")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["same", "same-2", "same-3"]


def test_a_run_notes_who_it_is(convert: Callable[..., None]):
    convert("to='a b.npz'", "hydra.run.dir=here")
    noted = json.loads(Path("here/.hydra/run.json").read_text())
    assert shlex.split(noted["command"])[-2:] == ["to='a b.npz'", "hydra.run.dir=here"]
    assert noted["process"] == os.getpid()
    assert {"host", "began", "versions"} <= set(noted)


def test_a_folder_below_a_file_is_told(convert: Callable[..., None], capsys: pytest.CaptureFixture[str]):
    Path("file").write_text("")
    with pytest.raises(SystemExit) as end:
        convert("to=a.npz", "hydra.run.dir=file/run")
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("StorageError: ")
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EMFILE])
def test_what_the_system_refuses_is_no_traceback(
    convert: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "some/file")

    monkeypatch.setattr("mbrl_mts3.scripts.convert.read_dataset", refuse)
    with pytest.raises(SystemExit):
        convert("to=a.npz")
    assert capsys.readouterr().err.startswith("StorageError: some/file could not be")
