"""Every Python block of the README and of docs/ runs, section by section."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


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


def run(section_blocks: list[Block], page: Path = README) -> None:
    """Run the blocks of one section in one namespace; tracebacks name the lines of the page.

    A block that starts with a comment like "# cart.py" is that file, for later blocks to import.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in section_blocks:
        name = re.match(r"# (\w+\.py)\n", block.code)
        if name:
            Path(name[1]).write_text(block.code + "\n")
            continue
        source = "\n" * (block.line - 1) + block.code
        exec(compile(source, str(page), "exec"), namespace)


def sections(text: str) -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block in blocks(text):
        found.setdefault(block.section, []).append(block)
    return found


@pytest.mark.parametrize(
    ("page", "section"),
    [(page, section) for page in PAGES for section in sections(page.read_text())],
    ids=lambda value: value if isinstance(value, str) else value.stem,
)
def test_readme(page: Path, section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run(sections(page.read_text())[section], page)


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
