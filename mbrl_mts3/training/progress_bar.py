"""How training shows itself in the terminal."""

from __future__ import annotations

import lightning
from lightning.pytorch.callbacks import RichProgressBar


class TrainingProgressBar(RichProgressBar):
    """One line: epoch, updates, time and the losses, without the loggers' version number."""

    def get_metrics(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Short names, so that the line fits."""
        metrics = super().get_metrics(trainer, pl_module)
        return {name.split("/")[-1]: value for name, value in metrics.items() if name != "v_num"}
