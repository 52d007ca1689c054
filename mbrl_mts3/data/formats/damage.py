"""What readers do about damaged files: one kind of error, and sizes that are checked before memory is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mbrl_mts3.errors import DataError, MTS3Error
from mbrl_mts3.memory import available_memory


@contextmanager
def damage_errors(source: str | Path) -> Iterator[None]:
    """Turn whatever a reader stumbles over into DataError: a damaged file can fail in any way.

    Raises:
        DataError: for any exception that is no MTS3Error.
    """
    try:
        yield
    except MTS3Error:
        raise
    except Exception as error:
        raise DataError(f"{source} is damaged or of another kind ({type(error).__name__}: {error})") from error


def check_memory(needed: int, source: str | Path) -> None:
    """Raise DataError where `needed` bytes are more than this machine has available."""
    available = available_memory()
    if available is not None and needed > available:
        raise DataError(
            f"{source} takes {needed / 2**30:,.1f} GiB in memory, of which {available / 2**30:,.1f} are available: "
            "free some, or use a larger machine"
        )
