"""A policy inside imagined rollouts, against rollouts that are written out by hand and against the model's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from mbrl_mts3.data.normalizer import Normalizer
from mbrl_mts3.models import MTS3, PhysicalModel, Prediction, Trajectories, WorldModel
from mbrl_mts3.planners import ICEM, PolicyProposal, RolloutObjective
from mbrl_mts3.tensor_record import TensorRecord

B, N, L = 2, 3, 4
LOW, HIGH = torch.tensor([-1.0]), torch.tensor([1.0])


@dataclass(frozen=True, repr=False)
class Place(TensorRecord):
    place: Tensor
    """(B, 1)."""


class Integrator(WorldModel):
    """o_{t+1} = 0.9 o_t + a_t; it can be stepped only."""

    def __init__(self) -> None:
        super().__init__(1, 1, predict_reward=False)

    @property
    def causal(self) -> bool:
        return True

    def initial_belief(self, batch_size: int) -> Place:
        return Place(torch.zeros(batch_size, 1))

    def observe(self, belief: TensorRecord, observation: Tensor, *args: Any, **kwargs: Any) -> Place:
        return Place(observation)

    def step(self, belief: TensorRecord, action: Tensor) -> tuple[Place, Prediction]:
        assert isinstance(belief, Place)
        place = 0.9 * belief.place + action
        return Place(place), Prediction(place[:, None], torch.full_like(place, 0.25)[:, None])

    def imagine(self, belief: TensorRecord, actions: Tensor) -> Prediction:
        raise NotImplementedError

    def filter(self, *args: Any, **kwargs: Any) -> tuple[TensorRecord, Prediction]:
        raise NotImplementedError

    def sample(self, *args: Any, **kwargs: Any) -> Trajectories:
        raise NotImplementedError


def integrator() -> PhysicalModel:
    return PhysicalModel(Integrator(), Normalizer.identity(1, 1))


def brake(observation: Tensor) -> Tensor:
    return -0.5 * observation


def cost(observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
    return -(observation[..., 0] + 3 * action[..., 0].square() + 10 * next_observation[..., 0])


def test_returns_are_those_of_a_policy_that_answers_to_deviations() -> None:
    start, deviations = torch.tensor([[1.5], [-4.0]]), 0.7 * torch.randn(B, N, L, 1)
    proposal = PolicyProposal(brake, LOW, HIGH)
    objective = RolloutObjective(
        integrator(), Place(start), start, cost, proposal=proposal, value=lambda o: 7 * o[..., 0], discount=0.5
    )
    found = objective(deviations)
    for b in range(B):
        for n in range(N):
            place, expected = float(start[b]), 0.0
            for t in range(L):
                action = min(1.0, max(-1.0, -0.5 * place + float(deviations[b, n, t])))
                after = 0.9 * place + action
                expected -= 0.5**t * (place + 3 * action**2 + 10 * after)
                place = after
            torch.testing.assert_close(float(found[b, n]), expected + 0.5**L * 7 * place, rtol=1e-4, atol=1e-4)


def test_uncertainty_costs_there_too() -> None:
    start, deviations = torch.tensor([[1.0]]), torch.zeros(1, 1, L, 1)
    proposal = PolicyProposal(brake, LOW, HIGH)
    plain = RolloutObjective(integrator(), Place(start), start, cost, proposal=proposal)
    careful = RolloutObjective(integrator(), Place(start), start, cost, proposal=proposal, uncertainty_penalty=2.0)
    torch.testing.assert_close(careful(deviations), plain(deviations) - 2.0 * L * 0.5)


def test_the_rollout_is_the_models_own_under_the_actions_that_it_led_to() -> None:
    """Candidates stay with their beliefs and steps with their order, past the end of a cell of the slow level."""
    torch.manual_seed(0)
    small = dict.fromkeys(
        ("encoder_hidden", "window_hidden", "action_hidden", "control_hidden", "decoder_hidden"), (8,)
    )
    model = PhysicalModel(MTS3(3, 2, (3,), latent_dim=4, **small).eval(), Normalizer.identity(3, 2))
    weights, seen = torch.randn(3, 2), torch.randn(B, 3)
    with torch.no_grad():
        belief = model.observe(model.initial_belief(B), seen)
        proposal = PolicyProposal(lambda o: torch.tanh(o @ weights), -torch.ones(2), torch.ones(2))
        actions, prediction = proposal.imagine(model, belief, seen, 0.3 * torch.randn(B, N, 5, 2))
        own = model.imagine(belief, actions)
    torch.testing.assert_close(prediction.mean, own.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(prediction.variance, own.variance, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(prediction.reward_mean, own.reward_mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", [0.6, -0.6])
def test_a_planner_mends_a_policy_within_its_bounds(start: float) -> None:
    """The policy goes half the way to zero; what is best goes all of it, as far as the deviations may."""
    place = torch.tensor([[start]])

    def distance(observation: Tensor, action: Tensor, next_observation: Tensor) -> Tensor:
        return -next_observation[..., 0].square()

    objective = RolloutObjective(integrator(), Place(place), place, distance, proposal=PolicyProposal(brake, LOW, HIGH))
    planner = ICEM([-0.1], [0.1], horizon=3, candidates=100, iterations=5, elites=10)
    plan = planner.plan(objective, planner.initial_state(1), torch.Generator().manual_seed(0))
    # 0.9 o - 0.5 o + d is 0 at d = -0.4 o, which lies beyond the bound.
    assert plan.action.item() == pytest.approx(-0.1 if start > 0 else 0.1, abs=0.02)
