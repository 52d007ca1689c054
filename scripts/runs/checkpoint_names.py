"""checkpoint=latest: the newest finished training below runs/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mbrl_mts3.errors import CheckpointError
from mbrl_mts3.scripts.runs.catalogue import RESULT_FILES, RUNS

LATEST = "latest"
_OPTION = "checkpoint"


def resolve_checkpoints(config: DictConfig) -> list[str]:
    """Put the folder of the newest finished training in the place of every option checkpoint=latest.

    Returns:
        A line for each kind of name that was replaced, which tells what it stands for.

    Raises:
        CheckpointError: there is no finished training.
    """
    places = list(_places(config))
    if not places:
        return []
    folder, facts = find_latest()
    for node in places:
        node[_OPTION] = str(folder)
    return [
        f"checkpoint=latest is {folder}: {facts.get('model', 'a model')} of {facts.get('dataset_id', 'unknown data')}, "
        f"trained until {facts.get('ended', 'an unknown time')}"
    ]


def find_latest(root: Path = RUNS) -> tuple[Path, dict[str, Any]]:
    """The best checkpoint of the training that ended last, and what the training wrote of itself.

    Raises:
        CheckpointError: there is no finished training below `root`.
    """
    finished = []
    for path in root.rglob(RESULT_FILES["train"]):
        facts = _read(path)
        folder = path.parent / str(facts.get("checkpoint", ""))
        if (folder / "config.json").is_file():
            finished.append((str(facts.get("ended", "")), str(folder), folder, facts))
    if not finished:
        begun = sorted(str(path) for path in root.glob("train/*/best"))
        told = f"; {begun[-1]} is of a training that has not finished" if begun else ""
        raise CheckpointError(
            f"checkpoint=latest: there is no finished training in {root.absolute()}{told}. Train with mts3-train, go "
            "to the folder that you trained in, or name a checkpoint's folder"
        )
    _, _, folder, facts = max(finished, key=lambda found: found[:2])
    return folder, facts


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # Of a run that is being written or copied: not the one that is meant.
        return {}


def _places(node: DictConfig) -> list[DictConfig]:
    """The parts of a configuration that have checkpoint=latest."""
    found = [node] if node.get(_OPTION) == LATEST else []
    for _, value in node.items_ex(resolve=False):
        if isinstance(value, DictConfig) and not value._is_none() and not value._is_missing():
            found += _places(value)
    return found
