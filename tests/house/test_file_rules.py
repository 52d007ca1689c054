"""One idea per file: no drawer for left-overs, one public class each."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("mbrl_mts3", "envs", "agents", "configs", "scripts")
FILES = [path.relative_to(ROOT) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]

DRAWERS = {"utils", "util", "common", "helpers", "misc"}
SEVERAL_CLASSES = {
    "mbrl_mts3/errors.py": "the small tree of errors reads best in one piece",
    "mbrl_mts3/gaussian/shared_cause.py": "a record of tensors and the maps that move it",
    "mbrl_mts3/models/hip_rssm_belief.py": "a belief and the part of it that tells of the task",
    "mbrl_mts3/models/mts3_belief.py": "a belief and the part of it that each level repeats",
    "mbrl_mts3/models/prediction.py": "both forms of a prediction, as moments and as samples",
    "mbrl_mts3/models/time_scale.py": "one level and the two records that it returns",
}


def drawers(path: Path) -> set[str]:
    return DRAWERS & {*path.parts[:-1], path.stem}


def public_classes(source: str) -> list[str]:
    nodes = ast.parse(source).body
    return [node.name for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_drawer_for_left_overs(path: Path) -> None:
    assert not drawers(path), "name the file after what it holds"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_one_public_class_per_file(path: Path) -> None:
    classes = public_classes((ROOT / path).read_text())
    if path.as_posix() not in SEVERAL_CLASSES:
        assert len(classes) <= 1, "one file each"


@pytest.mark.parametrize("name", SEVERAL_CLASSES)
def test_exceptions_are_still_needed(name: str) -> None:
    assert len(public_classes((ROOT / name).read_text())) > 1, "take it off the list"


@pytest.mark.parametrize("name", ["mbrl_mts3/data/utils.py", "envs/common/make.py", "agents/helpers.py"])
def test_a_planted_drawer_is_caught(name: str) -> None:
    assert drawers(Path(name))


def test_a_planted_second_class_is_caught() -> None:
    source = "class Planner: ...\nclass _Private: ...\nclass Second:\n    class Inner: ...\n"
    assert public_classes(source) == ["Planner", "Second"]
