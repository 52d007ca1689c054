"""Training and validation windows for Lightning."""

from __future__ import annotations

from collections.abc import Iterator

import lightning
import torch
from torch import Tensor

from mbrl_mts3.data.windows import RandomWindowLoader, WindowBatch, WindowSampler


class WindowDataModule(lightning.LightningDataModule):
    """Random training windows, other ones each epoch, and always the same validation windows.

    Args:
        train, validation: samplers of windows in physical units.
        batch_size: windows per update.
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
        self._seed = seed
        self._train = RandomWindowLoader(train, batch_size, steps_per_epoch, seed=seed)
        self._validation = _FixedWindows(validation, batch_size, validation_windows)

    def train_dataloader(self) -> RandomWindowLoader:
        """Asked for anew in each epoch, so that a resumed run goes on with the windows that come next."""
        if self.trainer is not None:
            self._train.set_epoch(self.trainer.current_epoch)
            # Each process of a distributed training draws windows of its own.
            self._train.seed = self._seed + self.trainer.global_rank
        return self._train

    def val_dataloader(self) -> _FixedWindows:
        """The fixed windows."""
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
