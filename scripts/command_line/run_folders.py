"""Folders of runs that no two runs share, by the resolver `new_folder` of the YAML files, and whose they are."""

from __future__ import annotations

import itertools
import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from omegaconf import OmegaConf

from mbrl_mts3.files import write_json
from mbrl_mts3.scripts.command_line.help import program


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


def write_identity(name: str, folder: Path) -> None:
    """Note beside Hydra's own files who writes to a folder: command, versions, host, process and time."""
    write_json(
        folder / ".hydra" / "run.json",
        {
            "command": shlex.join([program(name), *sys.argv[1:]]),
            "versions": {package: version(package) for package in ("mbrl_mts3", "torch", "lightning", "numpy")},
            "host": platform.node(),
            "process": os.getpid(),
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )


# As Hydra does with `now`: one value for each run, however often it is asked for.
OmegaConf.register_new_resolver("new_folder", make_new_folder, use_cache=True, replace=True)
