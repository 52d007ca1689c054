"""Short imagined rollouts that branch off from the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from stable_baselines3.common.buffers import BaseBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from mbrl_mts3.agents.imagination.scaled_action import from_unit
from mbrl_mts3.agents.imagination.transitions import Transitions
from mbrl_mts3.envs.world_model import ImaginedState, WorldModelDynamics
from mbrl_mts3.errors import ConfigurationError


class BranchedRollouts:
    """Follows the policy for a few steps from moments of the data, many branches at once (MBPO, arXiv 1906.08253).

    A branch that ends early, by the task, the time limit or the budget of uncertainty, makes room for another one.
    Wherever a branch is cut rather than terminated, the value of its last observation still counts.

    Args:
        dynamics: of the imagined episodes; its moments are where branches start.
        branches: how many at once.
        horizon: steps of each, at most.
        action_noise: standard deviation of Gaussian noise on actions scaled to [-1, 1], for policies that draw none.

    Raises:
        ConfigurationError: a number out of range.
    """

    def __init__(self, dynamics: WorldModelDynamics, branches: int, horizon: int, *, action_noise: float = 0.0) -> None:
        if branches < 1 or horizon < 1 or action_noise < 0:
            raise ConfigurationError(
                f"expected branches and horizon of at least 1 and action_noise >= 0, got {branches}, {horizon} and "
                f"{action_noise}"
            )
        self.dynamics = dynamics
        self.branches = branches
        self.horizon = horizon
        self.action_noise = action_noise

    @torch.inference_mode()
    def run(self, algorithm: OffPolicyAlgorithm, buffer: BaseBuffer, generator: torch.Generator) -> dict[str, float]:
        """Imagine branches x horizon transitions into the buffer, which has room for `branches` in each slot.

        Args:
            algorithm: whose policy acts, exploring.
            buffer: gets them.
            generator: of all that the model draws; what the policy draws comes from torch's global one.

        Returns:
            Means over the transitions: "reward" before the penalty, "penalty", "uncertainty", and the shares
            "terminated" and "over_budget".
        """
        algorithm.policy.set_training_mode(False)
        state = self.dynamics.initial(self.branches, generator)
        sums: dict[str, Tensor] = {}
        for step in range(self.horizon):
            state, found = self._step(algorithm, buffer, state, generator, last=step == self.horizon - 1)
            sums = {name: sums.get(name, 0) + value.float().mean() for name, value in found.items()}
        return {name: float(value) / self.horizon for name, value in sums.items()}

    def _step(
        self,
        algorithm: OffPolicyAlgorithm,
        buffer: BaseBuffer,
        state: ImaginedState,
        generator: torch.Generator,
        *,
        last: bool,
    ) -> tuple[ImaginedState, Mapping[str, Tensor]]:
        dynamics = self.dynamics
        unit = self._explore(algorithm, dynamics.observation(state))
        action = from_unit(unit, dynamics.action_space)
        after = dynamics.transition(state, action, generator)
        reward, terminated = dynamics.reward(state, action, after), dynamics.terminal(after)
        doubtful = dynamics.budget_exceeded(after)
        ended = terminated | doubtful | dynamics.time_limit_reached(after)
        Transitions(
            observations=dynamics.observation_arrays(state),
            actions=unit.cpu().numpy(),
            rewards=reward.cpu().numpy(),
            next_observations=dynamics.observation_arrays(after),
            terminated=terminated.cpu().numpy(),
            truncated=(torch.ones_like(ended) if last else ended & ~terminated).cpu().numpy(),
        ).add_to(buffer)
        penalty = dynamics.uncertainty.penalty * after.uncertainty
        found = {
            "reward": reward + penalty,
            "penalty": penalty,
            "uncertainty": after.uncertainty,
            "terminated": terminated,
            "over_budget": doubtful,
        }
        return (after if last else _replaced(dynamics, after, ended, generator)), found

    def _explore(self, algorithm: OffPolicyAlgorithm, observation: Any) -> Tensor:
        """Actions (B, act) in [-1, 1]."""
        action: Tensor = algorithm.actor(observation)
        if self.action_noise:
            action = action + self.action_noise * torch.randn_like(action)
        return action.clamp(-1, 1)


def _replaced(
    dynamics: WorldModelDynamics, state: ImaginedState, ended: Tensor, generator: torch.Generator
) -> ImaginedState:
    index = ended.nonzero().flatten()
    return state.put(index, dynamics.initial(len(index), generator)) if len(index) else state
