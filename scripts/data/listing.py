"""mts3-data list: the data sets on the disk, and those that commands know by a name and would fetch or collect."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from omegaconf import OmegaConf
from rich.console import Console

from mbrl_mts3.data import DatasetOnDisk, list_datasets
from mbrl_mts3.wording import counted


def print_datasets(part: str, console: Console) -> int:
    """Print the data sets whose id or environment has `part` in it, two lines each; status 1 where there is none."""
    known = named_datasets()
    every = list_datasets()
    shown = [one for one in every if part.lower() in f"{one.dataset_id} {one.env_id}".lower()]
    if not shown:
        console.print(f"none of {counted(len(every), 'data set')} on the disk has {part!r}" if part else _NOTHING)
    for one in shown:
        named = f"  (data={known[one.dataset_id]})" if one.dataset_id in known else ""
        console.print(f"{one.dataset_id}{named}\n    {_describe(one)}")
    there = {one.dataset_id for one in every}
    missing = {dataset_id: name for dataset_id, name in known.items() if dataset_id not in there}
    if missing and not part:
        console.print("\nKnown by name, but not on the disk:")
        width = max(map(len, missing.values()))
        for dataset_id, name in missing.items():
            console.print(f"    data={name:<{width}}  {dataset_id}")
    return 0 if shown else 1


def _describe(one: DatasetOnDisk) -> str:
    facts = [one.env_id or "no environment"]
    if one.episodes is not None and one.steps is not None:
        facts += [counted(one.episodes, "episode"), counted(one.steps, "step")]
    return f"{', '.join(facts)}, {one.megabytes:.1f} MB{f': {one.description}' if one.description else ''}"


_NOTHING = (
    "no data set is on the disk: collect one, such as mts3-collect environment=point_maze_umaze steps=100000, or let a "
    "command fetch one with data.download=true"
)


def named_datasets() -> Mapping[str, str]:
    """Names of files in configs/data by the ids of the data sets that they load."""
    found: dict[str, str] = {}
    for entry in sorted(files("mbrl_mts3.configs").joinpath("data").iterdir(), key=lambda entry: entry.name):
        name = entry.name.removesuffix(".yaml")
        if entry.name.endswith(".yaml") and name not in _GENERAL:
            said: Any = OmegaConf.create(entry.read_text(encoding="utf-8"))
            found.setdefault(str(said["dataset_id"]), name)
    return found


# They load any data set of their kind.
_GENERAL = ("minari", "d4rl")
