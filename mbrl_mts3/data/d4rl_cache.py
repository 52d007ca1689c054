"""Where D4RL's files lie."""

from __future__ import annotations

import os
from pathlib import Path

from mbrl_mts3.data.d4rl_download import download_d4rl
from mbrl_mts3.data.d4rl_info import D4RLInfo
from mbrl_mts3.errors import UnknownDatasetError


def d4rl_folder() -> Path:
    """$D4RL_DATASET_DIR, else ~/.d4rl/datasets: D4RL's own folder, so that what lies there is used."""
    return Path(os.environ.get("D4RL_DATASET_DIR") or Path.home() / ".d4rl" / "datasets")


def d4rl_file(info: D4RLInfo, *, download: bool = False) -> Path:
    """The file of a data set on disk.

    Args:
        download: fetch it if it is not there.

    Raises:
        UnknownDatasetError: it is not there and not to be fetched.
        DataError: the download failed.
    """
    path = d4rl_folder() / info.file_name
    if path.is_file():
        return path
    if not download:
        raise UnknownDatasetError(
            f"{info.dataset_id} is not on disk: download it (download=true), put the file {info.file_name} into "
            f"{path.parent} ($D4RL_DATASET_DIR), or name a file by its path"
        )
    return download_d4rl(info, path.parent)
