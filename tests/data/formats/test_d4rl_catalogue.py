"""The table of D4RL's data sets, against D4RL's own files where its package is installed.

`import d4rl` needs the binaries of mujoco-py, so its sources are read as text.
"""

import ast
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from mbrl_mts3.data import D4RL_DATASETS, find_d4rl_info
from mbrl_mts3.data.formats.d4rl_catalogue import SHA256, info_of_file


def test_every_file_belongs_to_one_data_set() -> None:
    files = [info.file_name for info in D4RL_DATASETS.values()]
    assert len(set(files)) == len(files) == 35
    for name, info in D4RL_DATASETS.items():
        assert info_of_file(info.file_name) is info is find_d4rl_info(name) is find_d4rl_info(info.dataset_id)
    assert info_of_file("another.hdf5") is None


def test_checksums_are_of_files_in_the_table() -> None:
    assert set(SHA256) == {info.file_name for info in D4RL_DATASETS.values() if info.sha256 is not None}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in SHA256.values())
    assert len(set(SHA256.values())) == len(SHA256)


@pytest.fixture(scope="module")
def d4rl() -> Path:
    try:
        return Path(str(distribution("d4rl").locate_file("d4rl")))
    except PackageNotFoundError:
        pytest.skip("the package d4rl is not installed")


def test_urls_and_scores_are_those_of_d4rl(d4rl: Path) -> None:
    theirs = values_of((d4rl / "infos.py").read_text())
    for name, info in D4RL_DATASETS.items():
        assert info.url == theirs["DATASET_URLS"][name]
        assert info.reference_scores == (theirs["REF_MIN_SCORE"][name], theirs["REF_MAX_SCORE"][name]), name


def test_limits_and_goals_are_those_of_d4rl(d4rl: Path) -> None:
    registered: dict[str, int] = {}
    for folder in ("pointmaze", "kitchen"):
        registered |= limits((d4rl / folder / "__init__.py").read_text())
    for name, info in D4RL_DATASETS.items():
        if name.startswith(("maze2d", "kitchen")):
            assert info.max_episode_steps == registered[name], name
    robots = set(limits((d4rl / "gym_mujoco" / "__init__.py").read_text()).values())
    assert robots == {info.max_episode_steps for info in D4RL_DATASETS.values() if info.goal is None} - {280}
    mazes = values_of(only_strings((d4rl / "pointmaze" / "maze_model.py").read_text()))
    maps = {"open": "OPEN", "umaze": "U_MAZE", "medium": "MEDIUM_MAZE", "large": "LARGE_MAZE"}
    for name, info in D4RL_DATASETS.items():
        if info.goal is not None:
            rows = mazes[maps[name.split("-")[1]]].split("\\")
            assert [info.goal] == [(i, j) for i, row in enumerate(rows) for j, cell in enumerate(row) if cell == "G"]


def values_of(source: str) -> dict[str, Any]:
    """The values of a module that imports nothing and calls no builtin."""
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(ast.parse(source)))
    names: dict[str, Any] = {"__builtins__": {}}
    exec(compile(source, "infos.py", "exec"), names)
    return names


def limits(source: str) -> dict[str, int]:
    """max_episode_steps of every register(id=..., max_episode_steps=...); an id that is no text goes by its place."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "register":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            name = given["id"].value if isinstance(given["id"], ast.Constant) else f"line {node.lineno}"
            found[name] = ast.literal_eval(given["max_episode_steps"])
    return found


def only_strings(source: str) -> str:
    """The assignments of sums of texts in a module."""
    kept = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and all(isinstance(part, ast.Constant | ast.BinOp | ast.Add) for part in ast.walk(node.value))
    ]
    return "\n".join(ast.unparse(node) for node in kept)
