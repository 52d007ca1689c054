"""A file of the project that a page names with its path is there."""

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


def test_a_file_that_moved_is_noticed() -> None:
    text = "see `mbrl_mts3/models/mts3.py`, `mbrl_mts3/models/base.py` and `configs/model/NAME.yaml`"
    assert missing_files(text) == ["mbrl_mts3/models/mts3.py"]
