"""Loggers by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger

from mbrl_mts3.errors import ConfigurationError


def make_loggers(names: Sequence[str], folder: Path) -> list[Logger]:
    """Loggers "csv", "tensorboard" and "wandb" that write below `folder`.

    Raises:
        ConfigurationError: an unknown name, or wandb is not installed.
    """
    return [_make(name, folder) for name in names]


def _make(name: str, folder: Path) -> Logger:
    if name == "csv":
        return CSVLogger(folder, name="logs", version="csv")
    if name == "tensorboard":
        return TensorBoardLogger(folder, name="logs", version="tensorboard")
    if name == "wandb":
        try:
            return WandbLogger(project="mbrl_mts3", save_dir=folder)
        except ModuleNotFoundError as error:
            raise ConfigurationError("the logger 'wandb' needs its extra: pip install 'mbrl_mts3[wandb]'") from error
    raise ConfigurationError(f"unknown logger {name!r}: choose out of csv, tensorboard, wandb")
