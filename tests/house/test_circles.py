"""No circle of imports, between files or between folders: late imports and those under TYPE_CHECKING count."""

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = ("mbrl_mts3", "envs", "agents", "scripts")
Graph = Mapping[str, set[str]]


def module_name(path: Path) -> str:
    """The name that a file of the checkout has once it is installed; a face keeps its `__init__`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts if parts[0] == "mbrl_mts3" else ("mbrl_mts3", *parts))


def sources() -> dict[str, str]:
    paths = [path for folder in TOP_LEVEL for path in sorted((ROOT / folder).rglob("*.py"))]
    return {module_name(path): path.read_text() for path in paths}


def imported(source: str, known: Mapping[str, str]) -> Iterator[str]:
    """The modules of `known` that a source imports; `from package import name` is an import of its face."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            named = [
                deeper if _file(deeper := f"{node.module}.{alias.name}", known) else node.module for alias in node.names
            ]
        else:
            continue
        yield from (found for name in named if (found := _file(name, known)))


def _file(name: str, known: Mapping[str, str]) -> str | None:
    return next((module for module in (name, f"{name}.__init__") if module in known), None)


def file_graph(known: Mapping[str, str]) -> Graph:
    return {module: set(imported(source, known)) - {module} for module, source in known.items()}


@functools.cache
def our_files() -> Graph:
    return file_graph(sources())


def folder_graph(files: Graph) -> Graph:
    """Folders, and those that their modules import from. A face only hands on what lies in or below its folder."""
    graph: dict[str, set[str]] = {}
    for module, targets in files.items():
        folder, _, name = module.rpartition(".")
        found = graph.setdefault(folder, set())
        if name != "__init__":
            found |= {target.rpartition(".")[0] for target in targets} - {folder}
    return graph


def circles(graph: Graph) -> list[list[str]]:
    """The strongly connected parts of more than one node (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            at = stack.index(node)
            part, stack[at:] = stack[at:], []
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_no_circle_of_files() -> None:
    assert not circles(our_files())


def test_no_circle_of_folders() -> None:
    assert not circles(folder_graph(our_files()))


@pytest.mark.parametrize(
    "late",
    [
        "from mbrl_mts3.a.one import x",
        "import mbrl_mts3.a.one",
        "from mbrl_mts3.a import one",
        "from mbrl_mts3.a import x",
        "def late():\n    from mbrl_mts3.a.one import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mbrl_mts3.a.one import x",
    ],
)
def test_a_planted_circle_is_caught(late: str) -> None:
    known = {
        "mbrl_mts3.a.__init__": "from mbrl_mts3.a.one import x",
        "mbrl_mts3.a.one": "from mbrl_mts3.b.two import y\nx = y",
        "mbrl_mts3.b.two": late,
    }
    assert len(circles(file_graph(known))) == 1
    assert circles(folder_graph(file_graph(known))) == [["mbrl_mts3.a", "mbrl_mts3.b"]]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(
            {
                "mbrl_mts3.a.one": "from mbrl_mts3.b.two import y",
                "mbrl_mts3.b.two": "",
                "mbrl_mts3.b.three": "import mbrl_mts3.a.four",
                "mbrl_mts3.a.four": "",
            },
            [["mbrl_mts3.a", "mbrl_mts3.b"]],
            id="folders may be in a circle where no file is",
        ),
        pytest.param(
            {
                "mbrl_mts3.a.__init__": "from mbrl_mts3.a.deep.one import x",
                "mbrl_mts3.a.deep.one": "from mbrl_mts3.a.base import y",
                "mbrl_mts3.a.base": "",
            },
            [],
            id="a package below may lean on the one above",
        ),
    ],
)
def test_folders_without_a_circle_of_files(known: dict[str, str], expected: list[list[str]]) -> None:
    assert not circles(file_graph(known))
    assert circles(folder_graph(file_graph(known))) == expected
