"""A batch of equally long pieces of episodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class WindowBatch(TensorRecord):
    """B windows of T transitions; what lies beyond the end of an episode is padding: zeros, marked in `valid`."""

    observations: Tensor
    """(B, T + 1, obs): o_0..o_T."""
    actions: Tensor
    """(B, T, act): a_t leads from o_t to o_{t+1}."""
    rewards: Tensor
    """(B, T): r_t belongs to the same transition."""
    terminations: Tensor
    """(B, T) bool: o_{t+1} is terminal."""
    valid: Tensor
    """(B, T) bool: False where the transition is padding."""

    @property
    def observation_valid(self) -> Tensor:
        """(B, T + 1) bool: False where the observation is padding; the first one never is."""
        return torch.cat([torch.ones_like(self.valid[:, :1]), self.valid], dim=1)

    def normalize(self, normalizer: Normalizer) -> WindowBatch:
        """The same windows in normalised units; padding stays zero."""
        return replace(
            self,
            observations=normalizer.normalize_observation(self.observations) * self.observation_valid.unsqueeze(-1),
            actions=normalizer.normalize_action(self.actions) * self.valid.unsqueeze(-1),
            rewards=normalizer.normalize_reward(self.rewards) * self.valid,
        )

    def by_length(self) -> Iterator[tuple[Tensor, WindowBatch]]:
        """Groups of equally long windows, cut to that length: padding must not pass for planned actions.

        Yields:
            (rows, windows): places (n,) of the windows in this batch, on the CPU, and the windows without padding.
        """
        lengths = self.valid.sum(dim=1).cpu()
        for length in sorted(set(lengths.tolist())):
            rows = (lengths == length).nonzero()[:, 0]
            group = self[rows.to(self.valid.device)]
            yield (
                rows,
                WindowBatch(
                    observations=group.observations[:, : length + 1],
                    actions=group.actions[:, :length],
                    rewards=group.rewards[:, :length],
                    terminations=group.terminations[:, :length],
                    valid=group.valid[:, :length],
                ),
            )
