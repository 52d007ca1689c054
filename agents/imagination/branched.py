"""Policy training on short imagined rollouts that branch off from the data (MBPO, MOPO)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import BaseBuffer, DictReplayBuffer, NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from torch import Tensor

from mbrl_mts3.agents.imagination.base import ImaginationTrainer
from mbrl_mts3.agents.imagination.imitation import frozen_actor
from mbrl_mts3.agents.imagination.networks import AveragedActor, ProximalCritic
from mbrl_mts3.agents.transitions import Transitions, real_transitions, unscale_actions
from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.envs.world_model import ImaginedState, WorldModelDynamics
from mbrl_mts3.errors import ConfigurationError


class BranchedTrainer(ImaginationTrainer):
    """MBPO (arXiv 1906.08253) on a fixed data set; with a penalty of uncertainty, MOPO (arXiv 2005.13239).

    Args:
        algorithm: SAC or TD3, in an environment of `rollouts.branches` episodes. It gets another replay buffer.
        rollouts: one call of it gives the new experience of a round.
        replay_rounds: how long experience is kept.
        steps_per_round: gradient steps of a round.
        actor_warmup_rounds: so many rounds at first leave the actor as it is: critics learn from imagined
            experience, whose noise is wider than that of the data, what it costs to leave the data.
        n_steps: rewards of a branch that stand together in a critic's target before its own estimate takes over; real
            transitions always have one.
        update_anchor: whether the anchor of an `ProximalCritic` moves to the present actor with each round, instead of
            staying where the actor was before the first one.
        actor_average_rounds: the policy to be used is the mean of the actors at the ends of about so many rounds, see
            `AveragedActor`; those in which the actor is held do not count.
        real, real_fraction, seed: see `ImaginationTrainer`.

    Raises:
        ConfigurationError: an on-policy algorithm, which cannot learn from stored experience, or a number out of range.
    """

    def __init__(
        self,
        algorithm: BaseAlgorithm,
        rollouts: BranchedRollouts,
        real: ReplayBuffer,
        *,
        real_fraction: float,
        replay_rounds: int,
        steps_per_round: int,
        actor_warmup_rounds: int = 0,
        n_steps: int = 1,
        update_anchor: bool = False,
        actor_average_rounds: int = 1,
        seed: int = 0,
    ) -> None:
        if not isinstance(algorithm, OffPolicyAlgorithm):
            raise ConfigurationError(
                f"branches are stored, and {type(algorithm).__name__} learns only from what it has "
                "just done: set branched=false, or take SAC or TD3"
            )
        counts = {
            "steps_per_round": steps_per_round,
            "replay_rounds": replay_rounds,
            "actor_average_rounds": actor_average_rounds,
        }
        if min(counts.values()) < 1:
            raise ConfigurationError(f"expected numbers of at least 1, got {counts}")
        algorithm.replay_buffer = _replay(algorithm, rollouts, replay_rounds, n_steps)
        super().__init__(algorithm, real, real_fraction, seed)
        self.off_policy = algorithm
        self.rollouts = rollouts
        self.steps_per_round = steps_per_round
        self.actor_warmup_rounds = actor_warmup_rounds
        self.update_anchor = update_anchor
        self.average = AveragedActor(algorithm.actor, actor_average_rounds)

    @classmethod
    def from_episodes(
        cls,
        make_algorithm: Callable[[WorldModelVecEnv], BaseAlgorithm],
        rollouts: BranchedRollouts,
        episodes: Sequence[Episode],
        **options: Any,
    ) -> BranchedTrainer:
        """With the transitions of `episodes` as real data; `options` are those of the class."""
        algorithm = make_algorithm(WorldModelVecEnv(rollouts.dynamics, rollouts.branches))
        real = real_transitions(rollouts.dynamics, episodes).as_buffer(
            algorithm.observation_space, algorithm.action_space, algorithm.device
        )
        return cls(algorithm, rollouts, real, **options)

    def round(self) -> dict[str, float]:
        began = time.perf_counter()
        found = self._imagine()
        seconds = time.perf_counter() - began
        critic = self._anchored_critic()
        if critic is not None and (self.update_anchor or critic.anchor is None):
            critic.move_anchor(self.off_policy.actor)
        held = self.gradient_steps < self.actor_warmup_rounds * self.steps_per_round
        with frozen_actor(self.off_policy) if held else nullcontext():
            self.off_policy.train(self.steps_per_round, self.off_policy.batch_size)
        self.gradient_steps += self.steps_per_round
        if not held:
            self.average.update()
        return {**found, **self.losses(), "imagining_seconds": seconds}

    def acting(self) -> AbstractContextManager[None]:
        return self.average.acting()

    def state_dict(self) -> dict[str, Any]:
        critic = self._anchored_critic()
        anchor = None if critic is None or critic.anchor is None else critic.anchor.state_dict()
        return {**super().state_dict(), "anchor": anchor, "average": self.average.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.average.load_state_dict(state["average"])
        critic = self._anchored_critic()
        if critic is not None and state["anchor"] is not None:
            critic.move_anchor(self.off_policy.actor)
            assert critic.anchor is not None
            critic.anchor.load_state_dict(state["anchor"])

    def _anchored_critic(self) -> ProximalCritic | None:
        critic = getattr(self.off_policy.policy, "critic", None)
        return critic if isinstance(critic, ProximalCritic) else None

    def _imagine(self) -> dict[str, float]:
        buffer: Any = self.off_policy.replay_buffer
        self.imagined_steps += self.rollouts.branches * self.rollouts.horizon
        return self.rollouts.run(self.off_policy, buffer, self.generator)


def _replay(
    algorithm: OffPolicyAlgorithm, rollouts: BranchedRollouts, replay_rounds: int, n_steps: int
) -> ReplayBuffer:
    """Row after row, a column for each branch."""
    options: dict[str, Any] = {"device": algorithm.device, "n_envs": rollouts.branches}
    spaces_of: tuple[Any, Any] = algorithm.observation_space, algorithm.action_space
    size = rollouts.branches * rollouts.horizon * replay_rounds
    dictionary = isinstance(algorithm.observation_space, spaces.Dict)
    if n_steps == 1:
        return (DictReplayBuffer if dictionary else ReplayBuffer)(size, *spaces_of, **options)
    if dictionary or n_steps < 1:
        raise ConfigurationError(
            f"n_steps={n_steps}: expected at least 1, and 1 where observations are a dictionary, for which "
            "Stable-Baselines3 has no more"
        )
    return NStepReplayBuffer(size, *spaces_of, n_steps=n_steps, gamma=algorithm.gamma, **options)


class BranchedRollouts:
    """Follows the policy for a few steps from start states in the data, many branches at once (MBPO, arXiv 1906.08253).

    A branch that ends early, by the task, the time limit or the budget of uncertainty, makes room for another one.
    Wherever a branch is cut rather than terminated, the value of its last observation still counts.

    Args:
        dynamics: of the imagined episodes; its moments are where branches start.
        branches: how many at once.
        horizon: steps of each, at most.
        action_noise: standard deviation of Gaussian noise on actions scaled to [-1, 1], for policies that sample none.

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
            generator: of all that the model samples; what the policy samples comes from torch's global one.

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
        action = unscale_actions(unit, dynamics.action_space)
        after = dynamics.transition(state, action, generator)
        reward, terminated = dynamics.reward(state, action, after), dynamics.terminal(after)
        penalty, doubtful = dynamics.penalty(after), dynamics.budget_exceeded(after)
        ended = terminated | doubtful | dynamics.time_limit_reached(after)
        Transitions(
            observations=dynamics.observation_arrays(state),
            actions=unit.cpu().numpy(),
            rewards=(reward - penalty).cpu().numpy(),
            next_observations=dynamics.observation_arrays(after),
            terminated=terminated.cpu().numpy(),
            truncated=(torch.ones_like(ended) if last else ended & ~terminated).cpu().numpy(),
        ).add_to(buffer)
        found = {
            "reward": reward,
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
