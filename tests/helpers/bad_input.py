"""Tables of bad input: the words that a command is given, and what its refusal says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mbrl_mts3.errors import CheckpointError, ConfigurationError, EpisodeTooShortError, MTS3Error

# Of several commands.
NO_CHECKPOINT = (["checkpoint=nowhere"], "nowhere is no checkpoint", CheckpointError)
UNKNOWN_SPLIT = (["split=tset"], "train, validation, test or all", ConfigurationError)
# Where the episodes have 40 steps, as most random walks have.
TOO_LONG = (
    (["context=30", "horizon=20"], "horizon of 11 or less", EpisodeTooShortError),
    (["context=60"], "shorter context", EpisodeTooShortError),
)


@dataclass(frozen=True)
class BadInput:
    """What a command is given, and what it answers."""

    words: Sequence[str]
    """On the command line."""
    message: str
    """A part of the refusal."""
    error: type[MTS3Error] | None = None
    """What the refusal begins with; None where that does not matter."""
    checkpoint: Mapping[str, Any] = field(default_factory=dict)
    """Options of the checkpoint that is given, where it is that which does not fit."""


def bad_input(*rows: tuple[Any, ...]) -> pytest.MarkDecorator:
    """The parameter `case` of a test: each row holds the fields of `BadInput` in their order."""
    cases = [BadInput(*row) for row in rows]
    return pytest.mark.parametrize("case", cases, ids=[" ".join(case.words) or "none" for case in cases])
