"""The Lightning data module of training and validation windows."""

from __future__ import annotations

from collections.abc import Iterator

import lightning
import torch
from torch import Tensor

from mbrl_mts3.data.windows import RandomWindowLoader, WindowBatch, WindowSampler


class WindowDataModule(lightning.LightningDataModule):
    """Lightning data module: random training windows, new ones in each epoch, and fixed validation windows.

    Args:
        train, validation: samplers of windows in physical units.
        batch_size: windows of one pass, shared out to all processes of a training.
        steps_per_epoch: updates between two validations.
        validation_windows: at most so many, spread evenly over the validation data.
        seed: of the order of the training windows.
    """

    def __init__(
        self,
        train: WindowSampler,
        validation: WindowSampler,
        *,
        batch_size: int,
        steps_per_epoch: int,
        validation_windows: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._train = RandomWindowLoader(train, batch_size, steps_per_epoch, seed=seed)
        self._validation = _FixedWindows(validation, batch_size, validation_windows)

    def train_dataloader(self) -> RandomWindowLoader:
        """The training windows of the current epoch; a resumed run continues with the windows of its epoch."""
        if self.trainer is not None:
            self._train.set_epoch(self.trainer.current_epoch)
            share = self._train.batch_size // self.trainer.world_size
            self._train.rows = slice(self.trainer.global_rank * share, (self.trainer.global_rank + 1) * share)
        return self._train

    def val_dataloader(self) -> _FixedWindows:
        """The validation windows, the same at every pass."""
        return self._validation


class _FixedWindows:
    """The same windows in the same order at every pass."""

    def __init__(self, sampler: WindowSampler, batch_size: int, count: int) -> None:
        # Not `sampler`: Lightning takes a loader with that attribute for torch's own.
        self.windows = sampler
        self.batch_size = batch_size
        every = len(sampler)
        # In float64: numbers of windows may be too large for float32.
        self.indices: Tensor = torch.linspace(0, every - 1, min(count, every), dtype=torch.float64).round().long()

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def __iter__(self) -> Iterator[WindowBatch]:
        return self.windows.batches(self.indices, self.batch_size)
