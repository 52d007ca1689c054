"""What the wheel holds, compared with the folders on disk."""

from collections.abc import Iterable
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest

TOP_LEVEL = {
    "mbrl_mts3": "mbrl_mts3",
    **{name: f"mbrl_mts3/{name}" for name in ("envs", "agents", "configs", "scripts")},
}
SHIPPED = ("*.py", "*.yaml", "*.xml", "*.safetensors", "README.md", "*.html.jinja", "py.typed")
SHIPPED += ("config.json", "calibration.png")
STUDIES = Path("scripts/studies")
"""Scripts to run by hand in a checkout, which are not installed."""
COMMANDS = {
    f"mts3-{name}"
    for name in (
        "audit",
        "benchmark",
        "calibrate",
        "collect",
        "convert",
        "data",
        "demo",
        "diagnose",
        "evaluate",
        "evaluate-policies",
        "imagine",
        "experiment",
        "export",
        "inspect-latents",
        "list",
        "offline",
        "plan",
        "report",
        "rollout",
        "train",
    )
}


def installed_names(root: Path, patterns: Iterable[str]) -> set[str]:
    """Where each file of the checkout that fits a pattern belongs inside site-packages."""
    return {
        f"{target}/{path.relative_to(root / folder).as_posix()}"
        for folder, target in TOP_LEVEL.items()
        for pattern in patterns
        for path in (root / folder).rglob(pattern)
        if not path.is_relative_to(root / STUDIES)
    }


def names_in(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def distribution(site: Path) -> Distribution:
    return Distribution.at(next(site.glob("mbrl_mts3-*.dist-info")))


def test_every_source_file_is_inside(root: Path, wheel_site: Path) -> None:
    expected = installed_names(root, SHIPPED)
    missing = expected - names_in(wheel_site)
    assert not missing, f"forgotten in pyproject.toml, [tool.setuptools]: {sorted(missing)}"


def test_every_folder_of_python_files_is_a_package(root: Path) -> None:
    folders = {path.parent for folder in TOP_LEVEL for path in (root / folder).rglob("*.py")} - {root / STUDIES}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_nothing_but_source_is_inside(root: Path, wheel_site: Path) -> None:
    ours = {name for name in names_in(wheel_site) if name.startswith("mbrl_mts3/") and "__pycache__" not in name}
    assert ours == installed_names(root, SHIPPED)


def test_only_one_name_reaches_the_top_level(wheel_site: Path) -> None:
    top = {path.name for path in wheel_site.iterdir() if path.name not in {"bin", "__pycache__"}}
    assert top == {"mbrl_mts3", next(wheel_site.glob("mbrl_mts3-*.dist-info")).name}


def test_licence_and_typing_marker(wheel_site: Path) -> None:
    assert (wheel_site / "mbrl_mts3/py.typed").exists()
    metadata = distribution(wheel_site).metadata
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]


def test_the_commands_are_all_there() -> None:
    names = {entry.name for entry in _entry_points()}
    assert names == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_entry_points_resolve(command: str) -> None:
    (entry,) = (entry for entry in _entry_points() if entry.name == command)
    assert callable(entry.load())


def _entry_points() -> list[EntryPoint]:
    return [entry for entry in Distribution.from_name("mbrl_mts3").entry_points if entry.group == "console_scripts"]


def test_a_forgotten_file_is_noticed(tmp_path: Path) -> None:
    for name in ("mbrl_mts3/models/new/__init__.py", "envs/__init__.py", "configs/model/new.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    expected = {"mbrl_mts3/models/new/__init__.py", "mbrl_mts3/envs/__init__.py", "mbrl_mts3/configs/model/new.yaml"}
    assert installed_names(tmp_path, ["*.py", "*.yaml"]) == expected
