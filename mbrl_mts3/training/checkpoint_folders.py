"""Keeping the best and the last model while training runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from mbrl_mts3.training.checkpoint import Checkpoint

RESUME_FILE = "resume.ckpt"
SELECTED_BY = "validation/crps"


class CheckpointFolders(Callback):
    """After each validation writes `last`, `best` where the validation CRPS is the lowest yet, and the trainer's state.

    Both CRPS and NLL are proper scores. A few steps that a model had thought impossible decide the NLL of a small
    validation set, and training would be judged by them alone; the CRPS grows with the error only.

    Args:
        folder: where to write.
        make_checkpoint: builds the checkpoint of the present weights from metrics.
    """

    def __init__(self, folder: Path, make_checkpoint: Callable[[dict[str, float]], Checkpoint]) -> None:
        self.folder = folder
        self.make_checkpoint = make_checkpoint
        self.best = float("inf")
        self.written_step = -1

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write what is due."""
        if trainer.sanity_checking:
            return
        self.written_step = trainer.global_step
        if trainer.is_global_zero:
            self._write_folders(trainer)
        # Every process takes part in this one, they wait for each other inside.
        trainer.save_checkpoint(self.folder / RESUME_FILE)

    def _write_folders(self, trainer: lightning.Trainer) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        metrics["step"] = float(trainer.global_step)
        checkpoint = self.make_checkpoint(metrics)
        checkpoint.save_pretrained(self.folder / "last")
        if metrics[SELECTED_BY] < self.best:
            self.best = metrics[SELECTED_BY]
            checkpoint.save_pretrained(self.folder / "best")

    def state_dict(self) -> dict[str, Any]:
        """Lightning keeps this with the trainer's state."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `state_dict`."""
        self.best = state_dict["best"]
