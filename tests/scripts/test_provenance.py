"""Results say what made them: command, versions, commit, and the hash of the data."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forked_commands import run_forked
from small_runs import DATA, prepare, words_of

from mbrl_mts3.data import load_dataset
from mbrl_mts3.scripts.runs import provenance
from mbrl_mts3.scripts.runs.catalogue import RESULT_FILES
from mbrl_mts3.scripts.runs.provenance import describe_origin

# `experiment` sums up results of others, `diagnose` has words of its own.
WRITTEN = sorted(RESULT_FILES.keys() - {"experiment", "diagnose"})


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


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    work = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(work / "minari"))
        yield {**prepare(work), "work": str(work)}


def hashes(node: Any) -> Iterator[str]:
    """All content hashes in a result."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key.endswith("content_hash"):
                yield value
            yield from hashes(value)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_each_result_names_command_versions_commit_and_data(name: str, paths: dict[str, str], tmp_path: Path) -> None:
    copy = paths["model"]
    ended = run_forked(name, [*words_of(name, {**paths, "copy": copy}), "hydra.run.dir=run"], tmp_path)
    assert ended.status == 0, ended.err
    found = json.loads((tmp_path / "run" / RESULT_FILES[name]).read_text())
    # The record of an offline training has its fields alone; what made it stands beside it.
    made = found.get("made_by") or json.loads((tmp_path / "run" / ".hydra" / "run.json").read_text())
    assert made["command"].startswith(f"mts3-{name.replace('_', '-')} ")
    assert {"mbrl_mts3", "torch", "numpy"} <= set(made["versions"])
    assert "commit" in made
    assert load_dataset(DATA).content_hash in set(hashes(found))
