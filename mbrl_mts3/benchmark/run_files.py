"""Where a run keeps what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunFiles:
    """The result file of one run, `ROOT/runs/DATASET/LABEL/seed_S.json`, and beside it the folder of its training.

    Args:
        root: folder of all results.
        dataset: name of the data set in files and tables.
        label: name of the variant: a model with its options.
        seed: of training.
    """

    root: Path
    dataset: str
    label: str
    seed: int

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
