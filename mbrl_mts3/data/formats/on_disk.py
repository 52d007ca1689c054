"""What data sets lie on the disk, without reading their episodes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mbrl_mts3.data.formats.d4rl_catalogue import D4RL_DATASETS
from mbrl_mts3.data.formats.d4rl_download import d4rl_folder
from mbrl_mts3.data.formats.minari_reader import local_metadata


@dataclass(frozen=True)
class DatasetOnDisk:
    """A data set as its files say, before it is read."""

    dataset_id: str
    """As `load_dataset` takes it."""
    megabytes: float
    """Of its files."""
    episodes: int | None = None
    """None where only reading would tell."""
    steps: int | None = None
    env_id: str | None = None
    description: str = ""
    """How it was made, in the words of its makers."""


def list_datasets() -> list[DatasetOnDisk]:
    """The data sets that `load_dataset` finds by their ids, by alphabet: Minari's, then those of D4RL."""
    found = local_metadata()
    return [*(_of_minari(name, found[name]) for name in sorted(found)), *_of_d4rl()]


def _of_minari(dataset_id: str, metadata: dict[str, Any]) -> DatasetOnDisk:
    spec = metadata.get("env_spec")
    try:
        env_id = None if not spec else str(json.loads(spec)["id"]).rpartition(":")[2]
    except (ValueError, KeyError, TypeError):
        env_id = None
    made_by = (str(metadata[name]) for name in ("algorithm_name", "description") if metadata.get(name))
    return DatasetOnDisk(
        dataset_id,
        float(metadata["megabytes"]),
        int(metadata["total_episodes"]),
        int(metadata["total_steps"]),
        env_id,
        ", ".join(made_by),
    )


def _of_d4rl() -> list[DatasetOnDisk]:
    found = []
    for info in sorted(D4RL_DATASETS.values(), key=lambda info: info.dataset_id):
        path = d4rl_folder() / info.file_name
        if path.is_file():
            megabytes = path.stat().st_size / 1e6
            found.append(DatasetOnDisk(info.dataset_id, megabytes, env_id=info.env_id, description="D4RL's own file"))
    return found
