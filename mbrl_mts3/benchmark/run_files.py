"""Where a run keeps what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mbrl_mts3.errors import ConfigurationError

_FIT = re.compile(r"[\w+=,-][\w.+=,-]*")


@dataclass(frozen=True)
class RunFiles:
    """The result file of one run, `ROOT/runs/DATASET/LABEL/seed_S.json`, and beside it the folder of its training.

    Args:
        root: folder of all results.
        dataset: name of the data set in files and tables.
        label: name of the variant: a model with its options.
        seed: of training.

    Raises:
        ConfigurationError: a name that is no plain folder, or would break a table.
    """

    root: Path
    dataset: str
    label: str
    seed: int

    def __post_init__(self) -> None:
        for name, text in (("dataset_label", self.dataset), ("label", self.label)):
            if not _FIT.fullmatch(text):
                raise ConfigurationError(
                    f"{name}={text!r} names a folder and stands in tables: use letters, digits and "
                    ". _ + = , - (no slash, no space), and no dot in front"
                )

    @property
    def result(self) -> Path:
        """The record; it is there when the run is complete."""
        return self.root / "runs" / self.dataset / self.label / f"seed_{self.seed}.json"

    @property
    def folder(self) -> Path:
        """Checkpoints, logs and the state of training."""
        return self.result.with_suffix("")

    @property
    def training(self) -> Path:
        """What the training in `folder` was started with, and whether it is finished."""
        return self.folder / "training.json"

    def __str__(self) -> str:
        return f"{self.dataset} {self.label} seed {self.seed}"
