"""What made a result: the command, however it was called, and the commit of the source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mbrl_mts3.scripts.runs import provenance
from mbrl_mts3.scripts.runs.provenance import describe_origin


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/usr/bin/mts3-plan", "mts3-plan"),
        ("/site/mbrl_mts3/scripts/evaluate_policies.py", "mts3-evaluate-policies"),
        ("/site/mbrl_mts3/scripts/data/__main__.py", "mts3-data"),
    ],
)
def test_the_program_has_its_name_however_it_was_called(
    called: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called, "label=a b"])
    made = describe_origin()
    assert made["command"] == f"{name} 'label=a b'"
    assert made["versions"]["torch"]


def git(folder: Path, *words: str) -> str:
    named = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(
        ["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_of_a_work_tree_is_told_and_whether_files_differ(tmp_path: Path) -> None:
    git(tmp_path, "init")
    file = tmp_path / "own.py"
    file.write_text("x = 1\n")
    assert provenance._work_tree_commit(file) is None, "nobody tracks it yet"
    git(tmp_path, "add", "own.py")
    git(tmp_path, "commit", "-m", "first")
    git(tmp_path, "tag", "-a", "v1", "-m", "a tag does not stand for the commit")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert provenance._work_tree_commit(file) == commit
    file.write_text("x = 2\n")
    assert provenance._work_tree_commit(file) == f"{commit}-dirty"
    assert provenance._work_tree_commit(tmp_path / "installed.py") is None


def test_no_git_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance._work_tree_commit(Path(__file__)) is None
