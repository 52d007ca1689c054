"""Episodes without an end of their own."""

from __future__ import annotations

import torch
from torch import Tensor


class Never:
    """No observation ends an episode; time limits do."""

    def __call__(self, next_observation: Tensor) -> Tensor:
        return torch.zeros(next_observation.shape[:-1], dtype=torch.bool, device=next_observation.device)
