"""Objective of a planner: the return of imagined rollouts under a reward function."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.wrappers.physical import PhysicalModel
from mbrl_mts3.planners.data_graph import ValueFunction
from mbrl_mts3.planners.proposal import PolicyProposal
from mbrl_mts3.predictions import MeanPrediction, Prediction
from mbrl_mts3.tensor_record import TensorRecord

PLANNING_UNCERTAINTIES = ("aleatoric", "epistemic")


@dataclass(frozen=True, eq=False, repr=False)
class RolloutObjective:
    """Returns of action sequences, imagined open loop from a belief; all in physical units.

    The return is sum_t discount^t w_t (r_t - penalty * u_t), where w_t is the probability that the episode has not
    ended before step t (1 for a model without a termination head) and u_t the predicted standard deviation of o_{t+1}
    in units of that of the data, averaged over its entries. A reward function is evaluated at the predicted means.

    Args:
        model: imagines (B, N, L) steps.
        belief: of batch size B, updated with o_t.
        observation: (B, obs), o_t as it was observed.
        reward: reward function of the imagined transitions; None uses the reward head of the model.
        value: of the state at which a sequence ends, added as the reward of one more step; None adds nothing.
        proposal: where given, sequences are deviations from the actions of its policy, which acts inside the rollout.
        discount: weight of a step relative to the one before, in (0, 1].
        uncertainty: which standard deviation u is: "aleatoric", that of the whole prediction, or "epistemic", that of
            the members' means, which needs an ensemble.
        uncertainty_penalty: subtracted from the reward of a step, per unit of u.

    Raises:
        ConfigurationError: an option out of range, or no reward at all.
    """

    model: PhysicalModel
    belief: TensorRecord
    observation: Tensor
    reward: RewardFunction | None = None
    _: KW_ONLY
    value: ValueFunction | None = None
    proposal: PolicyProposal | None = None
    discount: float = 1.0
    uncertainty: str = "aleatoric"
    uncertainty_penalty: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.discount <= 1:
            raise ConfigurationError(f"discount={self.discount}: expected more than 0, 1 at most")
        if self.uncertainty_penalty < 0:
            raise ConfigurationError(f"uncertainty_penalty={self.uncertainty_penalty}: expected 0 or more")
        if self.uncertainty not in PLANNING_UNCERTAINTIES:
            raise ConfigurationError(
                f"unknown uncertainty {self.uncertainty!r}: expected one of {', '.join(PLANNING_UNCERTAINTIES)}"
            )

    def __call__(self, actions: Tensor) -> Tensor:
        """Returns (B, N) of the sequences (B, N, L, act) of actions, or of deviations where there is a proposal."""
        return self.score(*self.imagine(actions))

    def imagine(self, actions: Tensor) -> tuple[Tensor, Prediction | MeanPrediction]:
        """The actions (B, N, L, act) of the sequences, and what is imagined to come of them."""
        if self.proposal is not None:
            return self.proposal.imagine(self.model, self.belief, self.observation, actions)
        if self.uncertainty_penalty > 0:
            return actions, self.model.imagine(self.belief, actions)
        # Variances take longer to compute than means and are not used here.
        return actions, self.model.imagine_mean(self.belief, actions)

    def score(
        self, actions: Tensor, prediction: Prediction | MeanPrediction, *, discount: float | None = None
    ) -> Tensor:
        """Returns (B, N) of actions (B, N, L, act) with what comes of them, imagined or real.

        Means without variances are what is certain: they cost no penalty. A `discount` takes the place of its own.
        """
        discount = self.discount if discount is None else discount
        rewards = self._rewards(prediction, actions)
        if self.uncertainty_penalty > 0 and isinstance(prediction, Prediction):
            rewards = rewards - self.uncertainty_penalty * self._spread(prediction)
        if self.value is not None:
            rewards = torch.cat([rewards, self.value(prediction.mean[:, :, -1]).unsqueeze(-1)], dim=-1)
        if discount < 1:
            rewards = rewards * discount ** torch.arange(rewards.shape[-1], device=rewards.device)
        if prediction.termination_logit is not None:
            survival = _survival(prediction.termination_logit, steps=rewards.shape[-1])
            rewards = rewards * survival
        return rewards.sum(dim=-1)

    def _rewards(self, prediction: Prediction | MeanPrediction, actions: Tensor) -> Tensor:
        """Rewards (B, N, L) of the imagined steps."""
        if self.reward is not None:
            first = self.observation[:, None, None].expand(-1, actions.shape[1], -1, -1)
            before = torch.cat([first, prediction.mean[:, :, :-1]], dim=2)
            return self.reward(before, actions, prediction.mean)
        if prediction.reward_mean is None:
            raise ConfigurationError(
                "nothing to plan for: the task has no reward function and the model no reward head; "
                "choose another task or train with model.predict_reward=true"
            )
        return prediction.reward_mean

    def _spread(self, prediction: Prediction) -> Tensor:
        """Predicted standard deviation (B, N, L) in units of that of the data, averaged over the entries."""
        variance = prediction.variance if self.uncertainty == "aleatoric" else prediction.epistemic_variance
        if variance is None:
            raise ConfigurationError(
                "uncertainty 'epistemic' needs an ensemble, whose members can disagree; this is a single model: "
                "train an ensemble, or take 'aleatoric'"
            )
        spread: Tensor = variance.sqrt() / self.model.normalizer.observation_scale
        return spread.mean(dim=-1)


def _survival(termination_logit: Tensor, steps: int) -> Tensor:
    """Probability (..., steps) that no earlier step terminated; the reward of the terminating step itself counts."""
    alive = torch.sigmoid(-termination_logit[..., : steps - 1]).cumprod(dim=-1)
    return torch.cat([torch.ones_like(termination_logit[..., :1]), alive], dim=-1)


@runtime_checkable
class RewardFunction(Protocol):
    """The reward of transitions, in physical units.

    Observations hold the entries that the model observes, in the order of its selector. Where the function was made for
    B environments (with a goal for each, for example), the first of the leading dimensions has the size B.
    """

    def __call__(self, observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        """Rewards (...) of the transitions from (..., obs) by (..., act) to (..., obs)."""
        ...
