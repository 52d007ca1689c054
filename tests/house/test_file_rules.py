"""How the source is laid out: files and folders of a size to read, nothing hidden, no drawer for left-overs."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = ("mbrl_mts3", "envs", "agents", "configs", "scripts")
FILES = [path.relative_to(ROOT) for folder in TOP_LEVEL for path in sorted((ROOT / folder).rglob("*.py"))]
FOLDERS = sorted({path.parent for path in FILES})

DRAWERS = {"utils", "util", "common", "helpers", "misc"}
MOST_LINES = 450
MOST_MODULES = 15


def drawers(path: Path) -> set[str]:
    return DRAWERS & {*path.parts[:-1], path.stem}


def modules(folder: Path) -> set[str]:
    """The modules and packages that lie in a folder."""
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    return files | {path.parent.name for path in folder.glob("*/__init__.py")}


def names_of_face(source: str) -> set[str]:
    """What the `__init__.py` of a folder binds: imports, functions, classes, constants."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return names


def hidden_modules(folder: Path) -> set[str]:
    """Modules that `import package.module as m` does not reach, because the face binds their name to something else."""
    face = folder / "__init__.py"
    return names_of_face(face.read_text()) & modules(folder) if face.exists() else set()


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_drawer_for_left_overs(path: Path) -> None:
    assert not drawers(path), "name the file after what it holds"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= MOST_LINES, "split it by ideas"


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_folder_can_be_seen_at_a_glance(folder: Path) -> None:
    assert len({path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}) <= MOST_MODULES, "make sub-packages"


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_no_module_is_hidden_by_the_face_of_its_folder(folder: Path) -> None:
    assert not hidden_modules(ROOT / folder), "functions are verbs, modules are nouns"


@pytest.mark.parametrize("name", ["mbrl_mts3/data/utils.py", "envs/common/make.py", "agents/helpers.py"])
def test_a_planted_drawer_is_caught(name: str) -> None:
    assert drawers(Path(name))


@pytest.mark.parametrize(
    "face",
    [
        "from mbrl_mts3.plan.search import search",
        "def search(): ...",
        "class search: ...",
        "search = 1",
        "search: int = 1",
        "from mbrl_mts3.plan.other import thing as search",
        "from mbrl_mts3.plan.deep.inner import deep",
    ],
)
def test_a_planted_hidden_module_is_caught(face: str, tmp_path: Path) -> None:
    (tmp_path / "search.py").touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "__init__.py").touch()
    (tmp_path / "__init__.py").write_text(face + "\n")
    assert hidden_modules(tmp_path) in ({"search"}, {"deep"})


def test_a_face_that_hands_on_other_names_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "search.py").touch()
    (tmp_path / "__init__.py").write_text("from mbrl_mts3.plan.search import Search, find\n")
    assert not hidden_modules(tmp_path)
