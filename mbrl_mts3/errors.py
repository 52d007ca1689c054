"""Every error that the toolkit raises on purpose.

Each message says what came, what was expected and what to do next.
"""

import difflib
from collections.abc import Iterable


class MTS3Error(Exception):
    """Base of all errors of this package."""


class DataError(MTS3Error, ValueError):
    """A data set cannot be used as it is."""


class UnknownDatasetError(DataError):
    """No data set of that id exists, neither on disk nor at the remote."""


class UnknownObservationError(DataError):
    """An observation was selected by a name that the data does not have."""


class NonFiniteDataError(DataError):
    """A data set holds NaN or infinite values; the message names episode and step."""


class EpisodeTooShortError(DataError):
    """No episode is long enough for what was asked of the data."""


class SpaceMismatchError(MTS3Error, ValueError):
    """Data set, checkpoint and environment do not describe the same spaces."""


class ShapeError(MTS3Error, ValueError):
    """A tensor has another shape than the call needs."""


class ConfigurationError(MTS3Error, ValueError):
    """Options that are unknown or cannot be combined."""


class CausalityError(MTS3Error, RuntimeError):
    """A model that needs future actions was asked to advance one action at a time."""


class NonFiniteError(MTS3Error, ArithmeticError):
    """A computation produced NaN or infinity where a finite number is needed."""


class CheckpointError(MTS3Error, RuntimeError):
    """A checkpoint folder is missing, damaged or from another format version."""


class ExportError(MTS3Error, RuntimeError):
    """A model cannot be written as a file that runs without this package, or the file computes something else."""


class StorageError(MTS3Error, OSError):
    """A file could not be written, for example to a full disk; an incomplete file never has the final name."""


class ResultError(MTS3Error, RuntimeError):
    """A stored result is damaged, or was made under other conditions than the results to compare it with."""


def nearest_names(name: str, known: Iterable[str], *, most: int = 5, cutoff: float = 0.6) -> list[str]:
    """The known names that are most like `name`, nearest first.

    Args:
        most: names at most.
        cutoff: likeness that they need, from 0 (any) to 1 (equal).
    """
    return difflib.get_close_matches(name, list(known), n=most, cutoff=cutoff)


def close_match(name: str, known: Iterable[str]) -> str:
    """A hint for a message: " (did you mean gru?)", or nothing where no known name is close."""
    nearest = nearest_names(name, known, most=1)
    return f" (did you mean {nearest[0]}?)" if nearest else ""
