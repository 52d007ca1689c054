"""Files appear whole or not at all, and what cannot be written is told."""

from __future__ import annotations

import os
import stat
import time
import warnings
from pathlib import Path

import pytest
from cut_short import kill_while

from mbrl_mts3 import files
from mbrl_mts3.errors import ConfigurationError, DataError, StorageError
from mbrl_mts3.files import (
    atomic_file,
    claim_folder,
    publish_folder,
    recover_folder,
    staging_folder,
    write_atomically,
    write_json,
)


def test_a_file_appears_with_its_content_and_the_usual_rights(tmp_path: Path):
    path = write_atomically(tmp_path / "deep" / "down" / "one.json", b"{}")
    assert path.read_bytes() == b"{}"
    assert [entry.name for entry in path.parent.iterdir()] == ["one.json"]
    before = os.umask(0)
    os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~before


def test_an_older_file_stays_where_writing_fails(tmp_path: Path):
    path = write_atomically(tmp_path / "one.txt", b"old")

    def break_down() -> None:
        with atomic_file(path, overwrite=True) as hidden:
            hidden.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_down()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        write_atomically(tmp_path / "one.txt", b"content")
    assert not list(tmp_path.iterdir())


def test_content_is_flushed_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, seen = tmp_path / "one.txt", []
    monkeypatch.setattr(os, "fsync", lambda handle: seen.append(path.exists()))
    write_atomically(path, b"content")
    assert seen == [False, True]


def test_a_taken_name_is_refused(tmp_path: Path):
    path = write_atomically(tmp_path / "one.txt", b"old")
    with pytest.raises(DataError, match="overwrite=true"), atomic_file(path) as hidden:
        hidden.write_bytes(b"new")
    assert path.read_bytes() == b"old"


def test_a_folder_that_is_a_file_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="could not be written"):
        write_atomically(tmp_path / "file" / "one.txt", b"content")
    assert (tmp_path / "file").read_text() == "no folder"


def test_json_is_strict_and_ends_with_a_line(tmp_path: Path):
    path = write_json(tmp_path / "new" / "one.json", {"values": (1.0, float("nan"))})
    assert path.read_text() == '{\n "values": [\n  1.0,\n  null\n ]\n}\n'


def publish(target: Path, text: str) -> None:
    with staging_folder(target.parent) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "one.txt").write_text(text)
        publish_folder(folder, target)


@pytest.fixture(params=["exchanged", "renamed twice"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "renamed twice":
        monkeypatch.setattr(files, "_exchange_names", lambda *_: False)
    return str(request.param)


def test_a_folder_is_replaced_as_a_whole_after_it_is_on_the_disk(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
):
    target, flushed = tmp_path / "data", []
    publish(target, "old")
    (target / "stray").write_text("of the old one")
    monkeypatch.setattr(files, "_flush", lambda path: flushed.append((path.name, (target / "stray").exists())))
    publish(target, "new")
    assert [path.name for path in target.rglob("*")] == ["inner", "one.txt"]
    assert (target / "inner" / "one.txt").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
    assert ("one.txt", True) in flushed
    assert flushed[-1] == (tmp_path.name, False)


def test_a_kill_during_the_replacement_loses_nothing(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch):
    target, marks = tmp_path / "data", tmp_path.parent / f"{tmp_path.name}-marks"
    marks.mkdir()
    for place in range(6):
        with warnings.catch_warnings():
            # Of what the kill before this one left.
            warnings.simplefilter("ignore")
            publish(target, "old")
        done = iter(range(99))
        original = Path.rename

        def dying(self: Path, other: Path, place: int = place, done=done, original=original) -> Path:
            if next(done) == place:
                (marks / str(place)).touch()
                time.sleep(60)
            return original(self, other)

        def work(place: int = place, dying=dying) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(Path, "rename", dying)
                publish(target, "new")
            (marks / str(place)).touch()
            time.sleep(60)

        kill_while(work, (marks / str(place)).exists)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recover_folder(target)
        assert (target / "inner" / "one.txt").read_text() in ("old", "new")


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError, match="NotADirectory"):
        publish(tmp_path / "data", "new")
    assert (tmp_path / "data").read_text() == "a file"
    assert len(list(tmp_path.iterdir())) == 1


def test_one_run_at_a_time_writes_to_a_folder(tmp_path: Path):
    with claim_folder(tmp_path / "run"):
        with pytest.raises(ConfigurationError, match="another run writes"), claim_folder(tmp_path / "run"):
            pass
        with claim_folder(tmp_path / "other"):
            pass
    with claim_folder(tmp_path / "run"):
        pass
    assert not list((tmp_path / "run").iterdir())


def test_what_a_killed_process_left_is_removed_once_it_is_old(tmp_path: Path):
    old, young = tmp_path / f"{files.PREFIX}1.zip", tmp_path / f"{files.PREFIX}2.zip"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    write_atomically(tmp_path / "one.txt", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, "one.txt"]
