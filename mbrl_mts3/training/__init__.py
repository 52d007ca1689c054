"""Training of world models with Lightning, and checkpoints."""

from mbrl_mts3.training.checkpoint import Checkpoint
from mbrl_mts3.training.checkpoint_data import (
    checkpoint_dataset,
    checkpoint_episodes,
    checkpoint_splits,
    has_changed,
    is_own_dataset,
)
from mbrl_mts3.training.device import keep_freed_memory
from mbrl_mts3.training.lightning_module import Schedule, WorldModelModule, prediction_losses, total_loss
from mbrl_mts3.training.processes import is_first_process
from mbrl_mts3.training.trainer import WorldModelTrainer

__all__ = [
    "Checkpoint",
    "Schedule",
    "WorldModelModule",
    "WorldModelTrainer",
    "checkpoint_dataset",
    "checkpoint_episodes",
    "checkpoint_splits",
    "has_changed",
    "is_first_process",
    "is_own_dataset",
    "keep_freed_memory",
    "prediction_losses",
    "total_loss",
]
