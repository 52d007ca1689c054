"""A file of the project that a page names with its path is there, and so is a test that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FILE = re.compile(r"\b((?:mbrl_mts3|envs|agents|configs|scripts|tests)/[\w./*-]+\.(?:py|yaml|md|safetensors))\b")


def missing_files(text: str) -> list[str]:
    """The named files that are not there; NAME stands for any name."""
    named = sorted(set(_FILE.findall(text)))
    return [name for name in named if not any(ROOT.glob(name.replace("NAME", "*")))]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_files_that_a_page_names_are_there(page: Path) -> None:
    assert not missing_files(page.read_text())


_TEST = re.compile(r"\b(tests/[\w./]+\.py)::(test_\w+)")


def missing_tests(text: str) -> list[str]:
    """The named tests, FILE::NAME, that no file of that name defines."""
    named = sorted(set(_TEST.findall(text)))
    return [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_tests_that_a_page_names_are_there(page: Path) -> None:
    assert not missing_tests(page.read_text())


def test_a_test_that_was_renamed_is_noticed() -> None:
    here = "tests/house/test_named_files.py::test_a"
    assert missing_tests(f"`{here}_test_that_was_renamed_is_noticed`, `{here}_former_name`") == [f"{here}_former_name"]


def test_a_file_that_moved_is_noticed() -> None:
    text = "see `mbrl_mts3/models/mts3.py`, `mbrl_mts3/models/base.py` and `configs/model/NAME.yaml`"
    assert missing_files(text) == ["mbrl_mts3/models/mts3.py"]
