"""Folders of runs, found and read again by the result file that their command leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mbrl_mts3.errors import ResultError

RUNS = Path("runs")
"""Where commands write, below the folder that they are called in."""

RESULT_FILES: Mapping[str, str] = {
    "train": "train.json",
    "evaluate": "evaluation.json",
    "calibrate": "calibration.json",
    "plan": "plan.json",
    "rollout": "rollout.json",
    "evaluate_policies": "policies.json",
    "imagine": "imagine.json",
    "offline": "offline.json",
    "audit": "audit.json",
    "diagnose": "diagnose.json",
    "experiment": "summary.json",
}
"""The file that holds what a command found, by the command's name."""

_IDENTITY = Path(".hydra", "run.json")
_CHECKPOINTS = ("best", "last")
# Of a benchmark: ROOT/runs/DATASET/LABEL/seed_S.json.
_RECORDS = "runs/*/*/seed_*.json"
_RECORD_DEPTH = 3


@dataclass(frozen=True)
class Run:
    """What one command left in its folder."""

    folder: Path
    command: str
    """Such as train, for mts3-train."""
    result: Mapping[str, Any]
    """What its result file says; empty where there is none yet."""
    began: str = ""
    """Time in ISO 8601; empty where nobody noted it."""
    line: str = ""
    """The command as it was typed; empty where nobody noted it."""

    @property
    def finished(self) -> bool:
        """Whether it came to its end; some write their file before that, and say so."""
        return bool(self.result) and bool(self.result.get("finished", True))

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """Folders of the world models that it wrote."""
        return tuple(self.folder / name for name in _CHECKPOINTS if (self.folder / name / "config.json").is_file())


def read_run(folder: str | Path) -> Run | None:
    """The run in a folder; None where none of the commands of `RESULT_FILES` has written there, nor a benchmark.

    Raises:
        ResultError: its result file is damaged.
    """
    folder = Path(folder)
    identity = _read_json(folder / _IDENTITY) or {}
    line = str(identity.get("command", ""))
    named = line.partition(" ")[0].removeprefix("mts3-").replace("-", "_")
    for command, name in RESULT_FILES.items():
        result = _read_json(folder / name)
        if result is not None:
            return Run(folder, command, result, str(identity.get("began") or _time_of(folder / name)), line)
    if records := list(folder.glob(_RECORDS)):
        newest = max(records, key=lambda path: path.stat().st_mtime)
        return Run(folder, "benchmark", {"runs": len(records)}, _time_of(newest), line)
    return Run(folder, named, {}, str(identity.get("began", "")), line) if named in RESULT_FILES else None


def find_runs(root: Path = RUNS) -> Iterator[Run]:
    """All runs in a folder and below, oldest first, the stages of experiments among them.

    Raises:
        ResultError: a result file is damaged.
    """
    names = {*RESULT_FILES.values(), _IDENTITY.name}
    folders: set[Path] = set()
    for path in root.rglob("*.json"):
        if path.name in names:
            folders.add(path.parent.parent if path.parent.name == _IDENTITY.parent.name else path.parent)
        elif path.match(f"*/{_RECORDS}"):
            folders.add(path.parents[_RECORD_DEPTH])
    found = [run for run in map(read_run, sorted(folders)) if run is not None]
    yield from sorted(found, key=lambda run: run.began)


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ResultError(f"{path} is damaged ({error}): remove it, or run its command again") from error


def _time_of(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
