"""The state of an interrupted training in a file: written whole or not at all, read when its run goes on."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from mbrl_mts3.errors import CheckpointError
from mbrl_mts3.files import write_atomically

RESUME_FILE = "resume.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes Lightning's state beside its place and renames it, where Lightning goes through $TMPDIR."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write the state.

        Raises:
            StorageError: the disk is full, or the place cannot be written to; an older state stays as it was.
        """
        content = BytesIO()
        torch.save(checkpoint, content)
        write_atomically(path, content.getvalue())


def find_resume_file(folder: str | Path | None) -> Path | None:
    """The state of the run in a folder; None without a folder.

    Raises:
        CheckpointError: the folder holds none, or a damaged one.
    """
    if folder is None:
        return None
    path = Path(folder) / RESUME_FILE
    if not path.is_file():
        raise CheckpointError(
            f"nothing to resume in {folder}: it has no {RESUME_FILE}; give the folder of a training run"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, error) from error
    if damaged is not None:
        raise _damaged(path, f"the checksum of {damaged} is wrong")
    return path


def read_resume_file(path: Path) -> Mapping[str, Any]:
    """What Lightning stored in a file that `find_resume_file` has found.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return dict(state)
    except Exception as error:  # Torch raises errors of many kinds.
        raise _damaged(path, error) from error


def _damaged(path: Path, why: object) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged ({why}), so training cannot go on from it: begin anew in another folder. The checkpoints "
        "beside it can be used as they are"
    )


def check_same_run(
    then: Mapping[str, Any], now: Mapping[str, Any], folder: str | Path, free: Sequence[str] = ()
) -> None:
    """Refuse to go on with a run under other options: it would be no continuation.

    Args:
        then, now: facts of the run when it began and now, by name.
        folder: of the run, for the message.
        free: names of facts that may differ.

    Raises:
        CheckpointError: some differ; the message lists them.
    """
    names = [name for name in now if name not in free and name in then and then[name] != now[name]]
    if names:
        listed = "; ".join(f"{name} was {then[name]}, now {now[name]}" for name in names)
        raise CheckpointError(
            f"the run in {folder} began under other options: {listed}. Resume it as it was, or begin a new one"
        )
