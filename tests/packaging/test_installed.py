"""The installed wheel works outside the checkout, on its own."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

# Without the import hook of the editable install, which would fill every gap in the wheel from the checkout.
PRELUDE = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
import mbrl_mts3
"""

IMPORT_EVERYTHING = """
import importlib, pkgutil
for module in pkgutil.walk_packages(mbrl_mts3.__path__, "mbrl_mts3."):
    importlib.import_module(module.name)
for name, module in list(sys.modules.items()):
    if name.split(".")[0] in ("mbrl_mts3", "envs", "agents", "configs", "scripts"):
        print(name, module.__file__)
"""

FIND_BARE_NAMES = """
from importlib.util import find_spec
print([name for name in ("envs", "agents", "configs", "scripts") if find_spec(name)])
"""

COMPOSE_ALL = """
from importlib.resources import files
from hydra import compose, initialize
for entry in files("mbrl_mts3.configs").iterdir():
    if entry.name.endswith(".yaml"):
        with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
            compose(entry.name)
        print(entry.name)
"""


def _python(code: str, site: Path, cwd: Path) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYTHONPATH"] = str(site)
    command = [sys.executable, "-c", PRELUDE + code]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_module_imports_from_the_wheel(wheel_site: Path, tmp_path: Path) -> None:
    modules = dict(line.split(" ", 1) for line in _python(IMPORT_EVERYTHING, wheel_site, tmp_path))
    assert {"mbrl_mts3.envs.tasks", "mbrl_mts3.agents", "mbrl_mts3.configs", "mbrl_mts3.scripts"} <= set(modules)
    assert not {name: file for name, file in modules.items() if not Path(file).is_relative_to(wheel_site / "mbrl_mts3")}


def test_no_folder_of_ours_can_be_imported_bare(wheel_site: Path, tmp_path: Path) -> None:
    assert _python(FIND_BARE_NAMES, wheel_site, tmp_path) == ["[]"]


def test_hydra_finds_the_configs(root: Path, wheel_site: Path, tmp_path: Path) -> None:
    composed = _python(COMPOSE_ALL, wheel_site, tmp_path)
    assert set(composed) == {path.name for path in (root / "configs").glob("*.yaml")}


@pytest.mark.skipif("MTS3_TEST_SITE" not in os.environ, reason="the wheel is tested by make test")
def test_the_tests_run_against_the_wheel() -> None:
    for name in ("mbrl_mts3.models", "mbrl_mts3.envs", "mbrl_mts3.agents"):
        import_module(name)
    site = Path(os.environ["MTS3_TEST_SITE"])
    loaded = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "mbrl_mts3"}
    elsewhere = {name for name, module in loaded.items() if not Path(str(module.__file__)).is_relative_to(site)}
    assert not elsewhere, f"not from the wheel: {sorted(elsewhere)}"
