"""What is known of a policy that was learned from data alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mbrl_mts3.errors import ResultError
from mbrl_mts3.metrics.json_numbers import json_numbers
from mbrl_mts3.reporting.atomic_write import write_atomically


@dataclass(frozen=True)
class OfflineRecord:
    """The data, the options and the learning curve of a training; stored as JSON beside the policy."""

    dataset_id: str
    content_hash: str
    """Of the data set, see `OfflineDataset`."""
    env_id: str | None
    options: dict[str, Any]
    """All that the policy depends on beside the data."""
    curve: tuple[dict[str, Any], ...] = field(default=())
    """One row for each report: "updates", "seconds" so far, mean losses since the last report, and what an evaluation
    in the real environment gave, where there was one."""

    @property
    def updates(self) -> int:
        """Batches learned from at the last report."""
        return int(self.curve[-1]["updates"]) if self.curve else 0

    @property
    def seconds(self) -> float:
        """Time of learning at the last report, evaluations left out."""
        return float(self.curve[-1]["seconds"]) if self.curve else 0.0

    def reported(self, row: Mapping[str, Any]) -> OfflineRecord:
        """With one more row."""
        return OfflineRecord(self.dataset_id, self.content_hash, self.env_id, self.options, (*self.curve, dict(row)))

    def until(self, updates: int) -> OfflineRecord:
        """Without the rows after so many updates."""
        kept = tuple(row for row in self.curve if row["updates"] <= updates)
        return OfflineRecord(self.dataset_id, self.content_hash, self.env_id, self.options, kept)

    def save(self, path: Path) -> None:
        """Write JSON, whole or not at all."""
        written = {name: getattr(self, name) for name in ("dataset_id", "content_hash", "env_id", "options", "curve")}
        text = json.dumps(json_numbers(written), indent=1, allow_nan=False)
        write_atomically(path, (text + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> OfflineRecord:
        """The inverse of `save`.

        Raises:
            ResultError: no such file, or one of another kind.
        """
        try:
            read = json.loads(path.read_text())
            return cls(**{**read, "curve": tuple(read["curve"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ResultError(
                f"{str(path)!r} is no record of an offline training ({type(error).__name__}: {error}): name the folder "
                "that mts3-offline wrote, or begin anew without resume"
            ) from error
