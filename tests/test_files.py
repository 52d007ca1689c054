"""Files appear whole or not at all, and what cannot be written is told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mbrl_mts3.errors import DataError, StorageError
from mbrl_mts3.files import atomic_file, write_atomically, write_json


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
