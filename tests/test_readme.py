"""Every Python block of the README runs, section by section, and those of each page of docs in one piece."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))


@dataclass(frozen=True)
class Block:
    section: str
    line: int
    """Of the first line of code in the file, counted from 1."""
    code: str


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks that start with ```python, each with the heading that it stands under."""
    section, start, fence, is_python = "top", 0, "", False
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if fence:
            if line.strip() == fence:
                if is_python:
                    yield Block(section, start, "\n".join(lines[start - 1 : number - 1]))
                fence = ""
        elif line.lstrip().startswith("```"):
            mark = line.strip()
            fence = mark[: len(mark) - len(mark.lstrip("`"))]
            start, is_python = number + 1, mark.lstrip("`").split()[:1] == ["python"]
        elif line.startswith("#"):
            section = line.lstrip("# ")
    assert not fence, f"the block before line {start} is never closed"


def run(group: list[Block], path: Path = README) -> None:
    """Run blocks in one namespace; tracebacks name the file and its lines.

    A block that starts with a comment like "# cart.py" is that file, for later blocks to import.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in group:
        name = re.match(r"# (\w+\.py)\n", block.code)
        if name:
            Path(name[1]).write_text(block.code + "\n")
            continue
        source = "\n" * (block.line - 1) + block.code
        exec(compile(source, str(path), "exec"), namespace)


def sections(text: str) -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in blocks(text):
        found.setdefault(block.section, []).append(block)
    return found


@pytest.mark.parametrize("section", sections(README.read_text()))
def test_readme(section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(sections(README.read_text())[section])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run(list(blocks(page.read_text())), page)


SAMPLE = """# Title
```python
x = 1
```
```bash
false
# Not a heading
```
## Second
```python
x = 2
```
Some words.
````python
assert x == 2, x
````
## Third
```python
y = x
```
"""


def test_blocks_of_a_section_share_their_names() -> None:
    found = sections(SAMPLE)
    assert {name: [block.line for block in group] for name, group in found.items()} == {
        "Title": [3],
        "Second": [11, 15],
        "Third": [19],
    }
    run(found["Title"])
    run(found["Second"])


def test_a_block_that_fails_is_noticed() -> None:
    with pytest.raises(NameError) as caught:
        run(sections(SAMPLE)["Third"])
    assert caught.traceback[-1].lineno + 1 == 19


def test_a_block_that_is_never_closed_is_noticed() -> None:
    with pytest.raises(AssertionError, match="never closed"):
        list(blocks("```python\nx = 1\n"))
