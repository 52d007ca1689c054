"""Downloads D4RL's files into D4RL's own cache folder, each whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pooch
import requests

from mbrl_mts3.data.formats.d4rl_catalogue import BASE_URL, D4RLInfo
from mbrl_mts3.errors import DataError, UnknownDatasetError
from mbrl_mts3.files import write_atomically

MIRROR = "D4RL_MIRROR"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Seconds to wait for an answer, and again for each further piece.
_TIMEOUT = 30.0
_INCOMPLETE = ".incomplete-"
# Seconds after which a folder of a download is stale.
_STALE = 24 * 3600.0


def download_d4rl(info: D4RLInfo, folder: Path, *, retries: int = 2, progress: bool = True) -> Path:
    """Download a file into `folder`, where it appears only once it is complete and has the right checksum.

    A download that breaks off is started again, after a pause that grows. Where no checksum is known, that of the first
    download is stored next to the file (NAME.sha256) and holds for later ones. $D4RL_MIRROR may name another server
    with the same paths, in place of http://rail.eecs.berkeley.edu/datasets/offline_rl.

    Args:
        info: names address and checksum.
        folder: made if it is not there.
        retries: further attempts.
        progress: show a bar.

    Raises:
        DataError: server or network fail, the checksum differs, what came is no HDF5 file, or the disk is full.
    """
    name, final = info.file_name, folder / info.file_name
    url = _address(info)
    noted = folder / f"{name}.sha256"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        known = info.sha256 or _noted(noted)
        with tempfile.TemporaryDirectory(prefix=_INCOMPLETE, dir=folder) as incomplete:
            fetched = Path(_fetch(url, Path(incomplete), name, known, retries, progress))
            _check_signature(fetched, url)
            if known is None:
                digest = pooch.file_hash(str(fetched), alg="sha256")
                write_atomically(noted, f"{digest}  {name}\n".encode())
            fetched.replace(final)
    except requests.RequestException as error:
        raise DataError(_advice(info, url, folder, f"{type(error).__name__}: {error}")) from error
    except ValueError as error:  # what pooch raises for a wrong checksum
        if isinstance(error, DataError):
            raise
        source = "the known one" if info.sha256 else f"the one noted in {noted} at the first download"
        raise DataError(
            f"what {url} sends has another SHA-256 than {source}, so it is not kept: try again later"
            + ("" if info.sha256 else f", or delete {noted} if the file is known to have changed")
        ) from error
    except OSError as error:
        raise DataError(
            f"{name} cannot be written to {folder} ({error}): make room, or set $D4RL_DATASET_DIR to another folder"
        ) from error
    return final


def _clear(folder: Path) -> None:
    """Remove the incomplete folders of processes that were killed."""
    for left in folder.glob(f"{_INCOMPLETE}*"):
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)


def _address(info: D4RLInfo) -> str:
    mirror = os.environ.get(MIRROR)
    return info.url if not mirror else info.url.replace(BASE_URL, mirror.rstrip("/"), 1)


def _fetch(url: str, folder: Path, name: str, known: str | None, retries: int, progress: bool) -> str:
    registry = {name: None if known is None else f"sha256:{known}"}
    fetcher = pooch.create(folder, base_url="", registry=registry, urls={name: url}, retry_if_failed=retries)
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # It would announce the temporary folder.
    try:
        downloader = pooch.HTTPDownloader(progressbar=progress, timeout=_TIMEOUT, chunk_size=1 << 16)
        return str(fetcher.fetch(name, downloader=downloader))
    finally:
        logger.setLevel(level)


def _noted(path: Path) -> str | None:
    return path.read_text().split()[0] if path.is_file() else None


def _check_signature(path: Path, url: str) -> None:
    """Raise DataError unless the file is HDF5: a server under repair may answer with a page."""
    with path.open("rb") as file:
        start = file.read(len(_SIGNATURE))
    if start != _SIGNATURE:
        raise DataError(f"what {url} sends is no HDF5 file (it starts with {start!r}), so it is not kept: try later")


def _advice(info: D4RLInfo, url: str, folder: Path, reason: str) -> str:
    return (
        f"{info.dataset_id} could not be downloaded from {url} ({reason}). D4RL's server is down for weeks at times. "
        f"Try later; or put the file {info.file_name} from elsewhere into {folder}; or name a local file by its path; "
        f"or set ${MIRROR} to a server with the same folders; or take Farama's successors from Minari "
        "(mujoco/halfcheetah/medium-v0, D4RL/pointmaze/umaze-v2, D4RL/kitchen/complete-v2, ...)"
    )


def d4rl_folder() -> Path:
    """D4RL's own folder, so that files there are used: $D4RL_DATASET_DIR, else ~/.d4rl/datasets."""
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
            f"{info.dataset_id} is not on disk: download it (download=true; in trainings data.download=true), put "
            f"the file {info.file_name} into "
            f"{path.parent} ($D4RL_DATASET_DIR), or name a file by its path"
        )
    return download_d4rl(info, path.parent)
