"""The notebooks are those of the tutorials, and run as they stand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from notebooks import DOCS, FOLDER, TUTORIALS, make_notebook

FIELDS = {"markdown": {"cell_type", "id", "metadata", "source"}}
FIELDS["code"] = {*FIELDS["markdown"], "execution_count", "outputs"}


def read(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.ipynb").read_text()))


def code(notebook: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_notebook_is_that_of_the_page(name: str) -> None:
    page = (DOCS / f"tutorial_{name}.md").read_text()
    assert read(name) == make_notebook(page, name), "the page has changed: python scripts/studies/notebooks.py"


def test_no_other_notebook_lies_there() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(TUTORIALS)


@pytest.mark.parametrize("name", TUTORIALS)
def test_the_format_is_that_of_jupyter(name: str) -> None:
    notebook = read(name)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert all(set(cell) == FIELDS[cell["cell_type"]] for cell in notebook["cells"])
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert len(code(notebook)) >= 2


def test_prose_and_code_come_in_order_and_links_lead_on() -> None:
    page = "# A\n\nThis page is also a [notebook](notebooks/a.ipynb).\n\n[b](b.md) ![c](images/c.png)\n\n"
    page += "```python\nx = 1\n\ny = 2\n```\n\nThen, in a shell:\n\n```bash\nls\n```\n"
    cells = make_notebook(page, "a")["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "markdown", "markdown"]
    assert "".join(cells[0]["source"]) == "# A\n\n\n[b](../b.md) ![c](../images/c.png)"
    assert "".join(cells[1]["source"]) == "x = 1\n\ny = 2"
    assert "```bash\nls\n```" in "".join(cells[2]["source"])


@pytest.mark.slow
@pytest.mark.parametrize("name", TUTORIALS)
def test_the_notebook_runs_cell_after_cell(name: str, tmp_path: Path) -> None:
    script = tmp_path / "cells.py"
    script.write_text(f"for cell in {code(read(name))!r}:\n    exec(cell, globals())\n")
    surroundings = {**os.environ, "MINARI_DATASETS_PATH": str(tmp_path / "minari")}
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
