"""What the source imports is what pyproject.toml asks for, and constraints.txt pins it."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

FOLDERS = ("mbrl_mts3", "envs", "agents", "configs", "scripts")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    return normalised(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])


def third_party(source: str) -> Iterator[str]:
    """Top-level names of the libraries that a source imports when it is loaded or later."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        tops = {name.split(".")[0] for name in names}
        yield from tops - {"mbrl_mts3", *sys.stdlib_module_names}


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return project


def test_every_import_is_declared(root: Path, project: dict[str, Any]) -> None:
    declared = {requirement_name(requirement) for requirement in project["dependencies"]}
    distributions = packages_distributions()
    studies = root / "scripts" / "studies"
    for folder in FOLDERS:
        for path in (root / folder).rglob("*.py"):
            # Scripts to run by hand may import each other.
            ours = {file.stem for file in studies.glob("*.py")} if path.parent == studies else set()
            for name in set(third_party(path.read_text())) - ours:
                owners = {normalised(owner) for owner in distributions[name]}
                assert owners & declared, f"{path.relative_to(root)} imports {name}: declare it in pyproject.toml"


def test_every_declared_library_is_pinned(root: Path, project: dict[str, Any]) -> None:
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "exact versions only"
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["dev"], *extras["export"], *extras["docs"]]
    asked += [*extras["hub"], *extras["release"], *extras["bench"]]
    assert {requirement_name(name) for name in asked} <= {requirement_name(line) for line in lines}


def test_the_marks_of_a_requirement_are_left_out() -> None:
    assert requirement_name("minari[hdf5]>=0.5.3,<0.6") == "minari"
    assert requirement_name("Stable_Baselines3>=2") == "stable-baselines3"


def test_imports_are_found_at_any_depth() -> None:
    source = "import os, torch.nn\nfrom mbrl_mts3.data import x\ndef f():\n    from lightning.pytorch import y\n"
    assert set(third_party(source)) == {"torch", "lightning"}
