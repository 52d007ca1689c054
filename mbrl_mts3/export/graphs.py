"""A world model as functions of flat, named tensors: the streaming step, and the parts of a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from mbrl_mts3.models import PhysicalModel
from mbrl_mts3.predictions import Prediction
from mbrl_mts3.tensor_record import TensorRecord

BELIEF = "belief_"
NEXT = "next_"
_OUTPUTS = {
    "mean": "observation_mean",
    "variance": "observation_variance",
    "reward_mean": "reward_mean",
    "reward_variance": "reward_variance",
    "termination_logit": "termination_logit",
    "epistemic_variance": "epistemic_variance",
}


class OutputNames:
    """Names of what a file predicts, in its order."""

    def __init__(self, prediction: Prediction) -> None:
        self.names = [told for name, told in _OUTPUTS.items() if getattr(prediction, name) is not None]

    @staticmethod
    def values(prediction: Prediction) -> tuple[Tensor, ...]:
        """The tensors of a prediction in the order of the names; those that the model does not have are left out."""
        found = (getattr(prediction, name) for name in _OUTPUTS)
        return tuple(tensor for tensor in found if tensor is not None)


def belief_tensors(belief: TensorRecord) -> dict[str, Tensor]:
    """The tensors of a belief by name, such as belief_fast_mean; tuples are counted from 1.

    The order is that of `TensorRecord.tensors`.
    """
    return dict(_named(BELIEF[:-1], belief))


def _named(name: str, value: Any) -> list[tuple[str, Tensor]]:
    if value is None:
        return []
    if isinstance(value, Tensor):
        return [(name, value)]
    if isinstance(value, tuple):
        parts = [(f"{name}_{number}", part) for number, part in enumerate(value, 1)]
    else:
        parts = [(f"{name}_{item.name}", getattr(value, item.name)) for item in fields(value)]
    return [found for part, inner in parts for found in _named(part, inner)]


class _FlatModel(nn.Module):
    """Base class: a model in physical units, whose beliefs are flat lists of tensors.

    It is `PhysicalModel` without the choice of a precision, which tracing would take for a part of the model.
    """

    def __init__(self, physical: PhysicalModel) -> None:
        super().__init__()
        self.model, self.normalizer = physical.model, physical.normalizer
        self.layout = physical.initial_belief(1)

    def belief(self, flat: Sequence[Tensor]) -> TensorRecord:
        """The belief whose tensors these are."""
        rest = iter(flat)
        return self.layout.map(lambda _: next(rest))

    def observed(self, flat: Sequence[Tensor], observation: Tensor, mask: Tensor) -> TensorRecord:
        """The belief given o_t where the mask shows it."""
        return self.model.observe(self.belief(flat), self.normalizer.normalize_observation(observation), None, mask)

    def advanced(self, belief: TensorRecord, action: Tensor) -> tuple[TensorRecord, tuple[Tensor, ...]]:
        """The belief after an action (B, act), and what is predicted, (B, ...)."""
        after, prediction = self.model.step(belief, self.normalizer.normalize_action(action))
        return after, OutputNames.values(self.normalizer.denormalize_prediction(prediction[:, 0]))


class StreamingStep(_FlatModel):
    """Update the belief of step t with o_t, advance by a_t, predict o_{t+1}: one line of `WorldModel.filter`.

    Inputs: the belief (B, ...), observation (B, obs), mask (B,) bool, action (B, act), in physical units. Outputs: the
    belief of step t + 1, then the prediction's tensors (B, ...).
    """

    def forward(
        self, flat: tuple[Tensor, ...], observation: Tensor, mask: Tensor, action: Tensor
    ) -> tuple[Tensor, ...]:
        after, predicted = self.advanced(self.observed(flat, observation, mask), action)
        return (*after.tensors(), *predicted)


class Update(_FlatModel):
    """The beginning of a rollout: the belief given o_t where the mask shows it, once for each of N plans.

    Args:
        candidates: N.
    """

    def __init__(self, physical: PhysicalModel, candidates: int) -> None:
        super().__init__(physical)
        self.candidates = candidates

    def forward(self, flat: tuple[Tensor, ...], observation: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        known = self.observed(flat, observation, mask)
        return tuple(known.repeat_interleave(self.candidates).tensors())


class Advance(_FlatModel):
    """One step of a rollout: advance by an action (B, act) and predict, nothing observed."""

    def forward(self, flat: tuple[Tensor, ...], action: Tensor) -> tuple[Tensor, ...]:
        after, predicted = self.advanced(self.belief(flat), action)
        return (*after.tensors(), *predicted)


class Rollout(_FlatModel):
    """Update the belief with o_t, then predict L steps open loop under N plans: means and variances.

    Inputs: as of `StreamingStep`, with actions (B, N, L, act). Outputs: the prediction's tensors (B, N, L, ...).
    """

    def forward(
        self, flat: tuple[Tensor, ...], observation: Tensor, mask: Tensor, actions: Tensor
    ) -> tuple[Tensor, ...]:
        shape = actions.shape[:2]
        known = self.observed(flat, observation, mask).repeat_interleave(shape[1])
        steps = []
        # Step by step: `imagine` cuts the plan where cells end, which a graph of one phase would fix.
        for action in actions.flatten(0, 1).unbind(1):
            known, predicted = self.advanced(known, action)
            steps.append(predicted)
        stacked = (torch.stack(column, dim=1) for column in zip(*steps, strict=True))
        return tuple(tensor.unflatten(0, tuple(shape)) for tensor in stacked)
