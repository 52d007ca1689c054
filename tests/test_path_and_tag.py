from pathlib import Path

import pytest

from mbrl_mts3.files import split_path_and_tag


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.hdf5", ("a/b.hdf5", "")),
        ("a/b.hdf5@maze2d-umaze-v1", ("a/b.hdf5", "maze2d-umaze-v1")),
        ("me@home/b.h5", ("me@home/b.h5", "")),
        ("me@home/b@c.h5@word", ("me@home/b@c.h5", "word")),
        ("a/b.hdf5@", ("a/b.hdf5", "")),
        ("mine/data-v0", None),
        ("a.hdf5@home/data-v0", None),
        ("me@home/data-v0", None),
        ("a/b.txt@word", None),
    ],
)
def test_words_behind_paths(name: str, expected: tuple[str, str] | None) -> None:
    found = split_path_and_tag(name, (".hdf5", ".h5"))
    assert found == (None if expected is None else (Path(expected[0]), expected[1]))


def test_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert split_path_and_tag("~/b.h5@x", (".h5",)) == (Path("/somewhere/b.h5"), "x")
