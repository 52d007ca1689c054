"""An endless supply of training batches, cut into epochs."""

from __future__ import annotations

from collections.abc import Iterator

from mbrl_mts3.data.window_batch import WindowBatch
from mbrl_mts3.data.window_sampler import WindowSampler
from mbrl_mts3.errors import ConfigurationError


class RandomWindowLoader:
    """Stands where a DataLoader would: each pass gives `num_batches` random batches, other ones in each epoch.

    A pass depends on `seed` and `epoch` alone. Every pass counts `epoch` up when it begins; to resume, `set_epoch`.

    Args:
        sampler: where windows come from.
        batch_size: windows of a batch.
        num_batches: batches of an epoch; None means as many as it takes to see as many windows as there are,
            at least one.
        seed: of the order.
    """

    def __init__(
        self, sampler: WindowSampler, batch_size: int, num_batches: int | None = None, *, seed: int = 0
    ) -> None:
        if batch_size < 1 or (num_batches is not None and num_batches < 1):
            raise ConfigurationError(f"a loader needs positive sizes, got {batch_size} windows, {num_batches} batches")
        # Not `sampler`: Lightning takes a loader with that attribute for torch's own.
        self.windows = sampler
        self.batch_size = batch_size
        self.num_batches = num_batches if num_batches is not None else max(1, len(sampler) // batch_size)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be the one of `epoch`."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[WindowBatch]:
        epoch = self.epoch
        self.epoch += 1
        return self.windows.random_batches(self.batch_size, self.num_batches, self.seed, epoch)
