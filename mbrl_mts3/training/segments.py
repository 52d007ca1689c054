"""A sequence in segments: cut off gradients between them, or forget their activations and compute them again."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from mbrl_mts3.models.prediction import Prediction
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.tensor_record import TensorRecord, concatenate

Segment = tuple[TensorRecord, Prediction]


def predict_in_segments(
    model: WorldModel,
    observations: Tensor,
    actions: Tensor,
    mask: Tensor,
    length: int,
    *,
    detach: bool,
    recompute: bool,
) -> Prediction:
    """What `model(observations, actions, mask)` predicts, computed in segments of `length` steps.

    Args:
        length: a multiple of the model's period.
        detach: no gradient flows from one segment to the one before (truncated backpropagation through time).
        recompute: keep only the beliefs between segments, and run each segment again in the backward pass: less
            memory for about a third more time. Values and gradients stay the same.
    """
    belief: TensorRecord = model.initial_belief(len(actions))
    parts = []
    for begin in range(0, actions.shape[1], length):
        cut = slice(begin, begin + length)
        arguments = observations[:, cut], actions[:, cut], mask[:, cut], belief
        if recompute and torch.is_grad_enabled():
            belief, part = cast(Segment, checkpoint(model.filter, *arguments, use_reentrant=False))
        else:
            belief, part = model.filter(*arguments)
        if detach:
            belief = belief.detach()
        parts.append(part)
    return concatenate(parts, dim=1)
