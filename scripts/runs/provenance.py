"""What a result was made by: command, versions and commit."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

LIBRARIES = ("mbrl_mts3", "torch", "lightning", "numpy", "gymnasium", "mujoco", "minari", "stable_baselines3")
_GIT_SECONDS = 10


def describe_origin() -> dict[str, Any]:
    """The command line of the present process, the versions behind it and the commit of this package."""
    return {
        "command": shlex.join([_program(Path(sys.argv[0])), *sys.argv[1:]]),
        "versions": library_versions(),
        "commit": source_commit(),
    }


def _program(called: Path) -> str:
    """The name of the program: that of its file, or of the module that `python -m` ran."""
    if called.suffix != ".py":
        return called.name
    module = called.parent.name if called.stem == "__main__" else called.stem
    return f"mts3-{module.replace('_', '-')}"


def library_versions() -> dict[str, str]:
    """Of the libraries that results depend on."""
    return {name: version(name) for name in LIBRARIES}


@cache
def source_commit() -> str | None:
    """The commit of this package's source, "-dirty" behind it where files differ; None for a release.

    It is known of an installation from a repository, and of one in a work tree (`pip install -e`).
    """
    return _installed_commit() or _work_tree_commit(Path(__file__))


def _installed_commit() -> str | None:
    """What pip notes of an installation from a repository (PEP 610)."""
    try:
        noted = json.loads(distribution("mbrl_mts3").read_text("direct_url.json") or "{}")
        commit = noted["vcs_info"]["commit_id"]
    except (PackageNotFoundError, KeyError, ValueError):
        return None
    return str(commit)


def _work_tree_commit(file: Path) -> str | None:
    # Installed below a project of the user, the file lies in a work tree, but that does not track it.
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return None
    return _git(file.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None where there is none, or it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=_GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
