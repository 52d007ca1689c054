"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from mbrl_mts3.errors import DataError


@contextmanager
def beside(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A name in the same folder to write to; left without an error, the file there gets the name `path`.

    Raises:
        DataError: `path` is taken and not to be overwritten, or the disk does not take the file.
    """
    if path.exists() and not overwrite:
        raise DataError(f"{path} is there already: choose another name, or set overwrite=true")
    hidden = path.with_name(f".incomplete-{uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield hidden
        hidden.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}): make room, or choose another folder") from error
    finally:
        hidden.unlink(missing_ok=True)
