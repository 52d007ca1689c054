"""Small trained models that come with the package, each in a folder of its name, with a card."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def pretrained_names() -> tuple[str, ...]:
    """The names of the models, in alphabetical order; `Checkpoint.from_pretrained` takes them in place of a folder."""
    return tuple(sorted(path.parent.name for path in _root().glob("*/config.json")))


def find_pretrained(name: str | Path) -> Path | None:
    """The folder of the model of that name; None where there is none, or a folder of yours is meant."""
    return _root() / str(name) if str(name) in pretrained_names() and not Path(name).exists() else None


def _root() -> Path:
    return Path(str(files("mbrl_mts3.pretrained")))
