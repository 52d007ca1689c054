"""A finding of a data check, with its place and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from mbrl_mts3.data.episode import RawEpisode


@dataclass(frozen=True)
class Finding:
    """A finding of a check: what was found, where, and what to do."""

    severity: Literal["error", "warning"]
    """An error makes results wrong; a warning is a fact to know before the data is used."""
    name: str
    """Name of the finding; findings of one name are reported together."""
    message: str
    """What was found."""
    advice: str
    """What to do."""
    episode: int | None = None
    """Id of the first episode in which it occurs; None where it concerns the whole data set."""
    step: int | None = None
    """First step of that episode in which it occurs."""
    occurrences: int = 1
    """Episodes in which it occurs."""

    @property
    def where(self) -> str:
        """The place in words; empty where it concerns the whole data set."""
        if self.episode is None:
            return ""
        place = f"episode {self.episode}" + ("" if self.step is None else f", step {self.step}")
        others = self.occurrences - 1
        return place + (f" and {others} other episode{'s' if others > 1 else ''}" if others else "")

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"{self.severity}: {self.name}: {self.message}{where}. {self.advice}"

    def to_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return asdict(self)


def first_place(episode: RawEpisode, rows: ArrayLike) -> tuple[int, int]:
    """Episode and step of a finding that concerns `rows` (T,) bool, at least one of them: the first."""
    return episode.episode_id, int(np.argmax(rows))
