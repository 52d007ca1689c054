"""Folders of runs that no two runs share: the resolver `new_folder` of the commands' YAML files."""

from __future__ import annotations

import itertools
from pathlib import Path

from omegaconf import OmegaConf


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


# As Hydra does with `now`: one value for each run, however often it is asked for.
OmegaConf.register_new_resolver("new_folder", make_new_folder, use_cache=True, replace=True)
