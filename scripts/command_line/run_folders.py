"""Folders of runs that no two runs share, by the resolver `new_folder` of the YAML files, and whose they are."""

from __future__ import annotations

import itertools
import json
import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from omegaconf import OmegaConf

from mbrl_mts3.files import write_json
from mbrl_mts3.scripts.runs.provenance import describe_origin


def make_new_folder(path: str) -> str:
    """Make a folder that was not there before: `path`, or where another run was faster, `path` with -2, -3, ..."""
    for number in itertools.count(1):
        folder = Path(path if number == 1 else f"{path}-{number}")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if folder.parent.is_dir():
                continue
        except OSError:
            # Hydra meets the same when it makes the folder, and the command tells it.
            pass
        return str(folder)
    raise AssertionError("there is always another number")


def write_identity(folder: Path) -> None:
    """Note beside Hydra's own files who writes to a folder: command, versions, commit, host, process, time.

    Of several processes that train together the first does so.
    """
    if any(os.environ.get(rank, "0") not in ("", "0") for rank in _RANKS):
        return
    write_json(
        folder / ".hydra" / "run.json",
        {
            **describe_origin(),
            "host": platform.node(),
            "process": os.getpid(),
            "slurm_job": os.environ.get("SLURM_JOB_ID"),
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


_RANKS = ("RANK", "NODE_RANK", "LOCAL_RANK", "SLURM_PROCID")
"""Variables that number the processes, from 0 on: of torchrun, Lightning and SLURM."""


def find_requeued_run(folder: Path, state: str) -> Path | None:
    """The folder of the same SLURM job before it was requeued, which is to go on; None where there is none.

    Args:
        folder: of the present run; earlier ones are this one or beside it.
        state: name of the file that a run goes on from.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or os.environ.get("SLURM_RESTART_COUNT", "0") == "0":
        return None
    found = []
    for note in folder.absolute().parent.glob("*/.hydra/run.json"):
        with suppress(OSError, ValueError, AttributeError):
            earlier = note.parents[1] / state
            if json.loads(note.read_text()).get("slurm_job") == job and earlier.is_file():
                found.append(earlier)
    return max(found, key=lambda path: path.stat().st_mtime).parent if found else None


# As Hydra does with `now`: one value for each run, however often it is asked for.
OmegaConf.register_new_resolver("new_folder", make_new_folder, use_cache=True, replace=True)
