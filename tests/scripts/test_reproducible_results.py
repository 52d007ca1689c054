"""The same command with the same seed gives the same result, and each result says what made it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from forked_commands import run_forked
from small_runs import DATA, prepare, words_of

from mbrl_mts3.data import load_dataset
from mbrl_mts3.scripts.runs.catalogue import RESULT_FILES

# `experiment` sums up results of others, and `diagnose` has words of its own.
COMMANDS = sorted(RESULT_FILES.keys() - {"experiment", "diagnose"})
_OF_THE_CLOCK = ("seconds", "ms_", "speed", "began", "ended", "_per_second")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    work = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(work / "minari"))
        yield prepare(work)


def timeless(node: Any) -> Any:
    """A result without what the clock and the place of the run say."""
    if isinstance(node, Mapping):
        kept = {key: value for key, value in node.items() if key not in ("made_by", "config")}
        return {key: timeless(value) for key, value in kept.items() if not any(word in key for word in _OF_THE_CLOCK)}
    return [timeless(value) for value in node] if isinstance(node, list) else node


def contents(folder: Path) -> dict[str, Any]:
    """What a run found, by file: results, weights of models and policies, episodes."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".json" and ".hydra" not in path.parts:
            found[name] = timeless(json.loads(path.read_text()))
        elif path.suffix == ".safetensors":
            found[name] = path.read_bytes()
        elif path.name == "policy.zip":
            with ZipFile(path) as archive:
                found[name] = archive.read("mbrl_mts3/policy.safetensors")
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[name] = {key: arrays[key].tobytes() for key in arrays}
    return found


def hashes(node: Any) -> Iterator[str]:
    """All content hashes in a result."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key.endswith("content_hash"):
                yield value
            yield from hashes(value)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_gives_the_same_again_and_names_what_made_it(
    name: str, paths: dict[str, str], tmp_path: Path
) -> None:
    found, copy = [], shutil.copytree(paths["model"], tmp_path / "copy")
    words = words_of(name, {**paths, "copy": str(copy)})
    for run in ("one", "two"):
        ended = run_forked(name, [*words, f"hydra.run.dir={run}"], tmp_path, timeout=900)
        assert ended.status == 0, ended.err
        found.append(contents(tmp_path / run))
    assert found[0].keys() == found[1].keys()
    for file, content in found[0].items():
        assert found[1][file] == content, f"{file} differs"
    result = json.loads((tmp_path / "one" / RESULT_FILES[name]).read_text())
    # The record of an offline training has its own fields alone; what made it stands beside it.
    made = result.get("made_by") or json.loads((tmp_path / "one" / ".hydra" / "run.json").read_text())
    assert made["command"].startswith(f"mts3-{name.replace('_', '-')} ")
    assert {"mbrl_mts3", "torch", "numpy"} <= set(made["versions"])
    assert "commit" in made
    assert load_dataset(DATA).content_hash in set(hashes(result))


def test_collected_data_are_the_same_again(paths: dict[str, str], tmp_path: Path) -> None:
    kept = []
    for run in ("one", "two"):
        ended = run_forked("collect", [*words_of("collect", paths), f"hydra.run.dir={run}"], tmp_path, timeout=900)
        assert ended.status == 0, ended.err
        kept.append(load_dataset("tests/collected-v0").content_hash)
    assert kept[0] == kept[1]
