"""Writes the checkpoints of a training while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mbrl_mts3.training.checkpoint import Checkpoint
from mbrl_mts3.training.resume import RESUME_FILE

SELECTED_BY = "validation/crps"


class CheckpointFolders(Callback):
    """Writes `last`, `best` and the trainer's state after each validation; `best` is that of the lowest CRPS.

    Both CRPS and NLL are proper scores. The NLL of a small validation set is dominated by a few steps that the model
    held for impossible; the CRPS grows only in proportion to the error.

    Args:
        folder: where to write.
        make_checkpoint: builds a checkpoint from metrics and weights.
        facts: of the run, which are stored with its state.
    """

    def __init__(
        self,
        folder: Path,
        make_checkpoint: Callable[[dict[str, float], Mapping[str, Tensor]], Checkpoint],
        facts: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self.make_checkpoint = make_checkpoint
        self.facts = facts
        self.best = float("inf")
        self.written_step = -1

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Write the checkpoints and the trainer's state."""
        if trainer.sanity_checking:
            return
        self.written_step = trainer.global_step
        prefix = "model."
        gathered = trainer.strategy.lightning_module_state_dict()
        if trainer.is_global_zero:
            self._write_folders(trainer, {name.removeprefix(prefix): gathered[name] for name in gathered})
        # Every process has to call this: they wait for each other inside.
        trainer.save_checkpoint(self.folder / RESUME_FILE)

    def _write_folders(self, trainer: lightning.Trainer, weights: Mapping[str, Tensor]) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        metrics["step"] = float(trainer.global_step)
        checkpoint = self.make_checkpoint(metrics, weights)
        checkpoint.save_pretrained(self.folder / "last")
        if metrics[SELECTED_BY] < self.best:
            self.best = metrics[SELECTED_BY]
            checkpoint.save_pretrained(self.folder / "best")

    def state_dict(self) -> dict[str, Any]:
        """What Lightning stores with the trainer's state."""
        return {"best": self.best, "written_step": self.written_step, "facts": dict(self.facts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` stored."""
        self.best = state_dict["best"]
        # So that a run which was killed after its last update is not validated, and its checkpoint written, once more.
        self.written_step = state_dict.get("written_step", -1)
