"""A policy that acts inside imagined rollouts, so that planners search for deviations from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.predictions import Prediction
from mbrl_mts3.tensor_record import TensorRecord, concatenate


@runtime_checkable
class ActionFunction(Protocol):
    """The actions of a deterministic policy, in physical units.

    Observations hold the entries that the model observes, in the order of its selector. Where the function was made for
    B environments (with a goal for each, for example), the first of the leading dimensions has the size B.
    """

    def __call__(self, observation: Tensor) -> Tensor:
        """Actions (..., act) at observations (..., obs)."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class PolicyProposal:
    """Actions a_t = clip(pi(o_t) + d_t), where a planner searches the deviations d_t.

    Deviations of zero are the policy itself. Since it acts on imagined observations, it answers to what a deviation
    leads to, and candidates stay near the data that the policy was learned from; action sequences that are fixed
    beforehand leave them after a few steps. POPLIN-A-Replan of Wang and Ba (2020), "Exploring model-based planning with
    policy networks".

    Args:
        policy: the actions that are deviated from.
        action_low, action_high: (act,) bounds of the actions, in physical units.
    """

    policy: ActionFunction
    action_low: Tensor
    action_high: Tensor

    def actions(self, observation: Tensor, deviation: Tensor) -> Tensor:
        """Actions (..., act) at observations (..., obs) under deviations (..., act)."""
        return (self.policy(observation) + deviation).clamp(self.action_low, self.action_high)

    def imagine(
        self, model: PhysicalModel, belief: TensorRecord, observation: Tensor, deviations: Tensor
    ) -> tuple[Tensor, Prediction]:
        """Imagine what the policy does under deviations: it acts on o_t, and then on the predicted means.

        Args:
            model: is advanced one step at a time.
            belief: of batch size B, updated with o_t.
            observation: (B, obs), o_t as it was observed.
            deviations: (B, N, L, act), N candidates of L steps.

        Returns:
            Actions (B, N, L, act) and predictions (B, N, L, ...).
        """
        batch, count = deviations.shape[:2]
        state, seen = belief.repeat_interleave(count), observation[:, None].expand(-1, count, -1)
        actions, predictions = [], []
        for deviation in deviations.unbind(dim=2):
            action = self.actions(seen, deviation)
            state, prediction = model.step(state, action.flatten(0, 1))
            seen = prediction.mean[:, -1].reshape(batch, count, -1)
            actions.append(action)
            predictions.append(prediction)
        together = concatenate(predictions, dim=1).reshape_batch((batch, count))
        return torch.stack(actions, dim=2), together
