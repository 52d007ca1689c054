"""Where the slow latents of a model were along episodes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mbrl_mts3.tensor_record import TensorRecord


@dataclass(frozen=True, repr=False)
class SlowLatents(TensorRecord):
    """Posterior means of one level's latent at the ends of its cells, episode by episode, on the CPU."""

    mean: Tensor
    """(N, 2n): mean of x_k, everything observed in cell k and before taken in."""
    episode: Tensor
    """(N,) int64: place of the episode in the given sequence."""
    step: Tensor
    """(N,) int64: steps of the episode up to the end of the cell."""
