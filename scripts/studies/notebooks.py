"""Writes the tutorials as notebooks: docs/notebooks/NAME.ipynb out of docs/tutorial_NAME.md, word for word.

    python scripts/studies/notebooks.py

A test holds that the notebooks are those of the pages. The format is that of Jupyter, nbformat 4.5, without outputs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "notebooks"
TUTORIALS = ("predict", "plan", "imagine", "evaluate")
_HERE = "This page is also a [notebook]"


def make_notebook(page: str, name: str) -> dict[str, Any]:
    """The notebook of a page's text; `name` is that of the picture which its code saves."""
    cells = []
    for number, (kind, text) in enumerate(_cells(page)):
        cell = {"cell_type": kind, "id": f"{name}-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
        cells.append({**cell, "execution_count": None, "outputs": []} if kind == "code" else cell)
    picture = f"What this run has drawn:\n\n![]({name}.png)"
    cells.append(
        {"cell_type": "markdown", "id": f"{name}-own", "metadata": {}, "source": picture.splitlines(keepends=True)}
    )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write_notebook(name: str) -> Path:
    """Write the notebook of a tutorial."""
    made = make_notebook((DOCS / f"tutorial_{name}.md").read_text(encoding="utf-8"), name)
    path = FOLDER / f"{name}.ipynb"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _cells(page: str) -> Iterator[tuple[str, str]]:
    """Prose and Python blocks in their order; links and images of the prose lead on from the folder of notebooks."""
    prose = "\n".join(line for line in page.splitlines() if not line.startswith(_HERE))
    for number, part in enumerate(re.split(r"^```python\n(.*?)^```$", prose, flags=re.MULTILINE | re.DOTALL)):
        text = part.strip("\n")
        if number % 2:
            yield "code", text
        elif text:
            yield "markdown", re.sub(r"\]\((?!https?:|#|/)", "](../", text)


def main() -> None:
    """Write all."""
    for name in TUTORIALS:
        print(write_notebook(name))


if __name__ == "__main__":
    main()
