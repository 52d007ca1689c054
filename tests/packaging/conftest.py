"""The wheel under test: the one that make built, or one built here from a copy of the tree."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("mbrl_mts3", "envs", "agents", "configs", "scripts", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def wheel_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel was installed into, with nothing else in it."""
    given = os.environ.get("MTS3_TEST_SITE")
    if given:
        return Path(given)
    # A copy: a build inside the tree would leave build/ behind, and the next wheel would pack its stale files.
    tree, site = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("site")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    _run("build", "--wheel", "--no-isolation", "--outdir", str(tree / "dist"), str(tree))
    with zipfile.ZipFile(next((tree / "dist").glob("*.whl"))) as wheel:
        wheel.extractall(site)
    return site


def _run(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
