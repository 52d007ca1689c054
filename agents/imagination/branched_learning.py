"""Rounds of short branches and gradient steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import DictReplayBuffer, NStepReplayBuffer, ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from mbrl_mts3.agents.imagination.anchored_critic import AnchoredCritic
from mbrl_mts3.agents.imagination.averaged_actor import AveragedActor
from mbrl_mts3.agents.imagination.branched_rollouts import BranchedRollouts
from mbrl_mts3.agents.imagination.imagined_learning import ImaginedLearning
from mbrl_mts3.agents.imagination.imitation import held_actor
from mbrl_mts3.agents.imagination.real_transitions import real_transitions
from mbrl_mts3.agents.world_model_vec_env import WorldModelVecEnv
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.errors import ConfigurationError


class BranchedLearning(ImaginedLearning):
    """MBPO (arXiv 1906.08253) on a fixed data set; with a penalty of uncertainty, MOPO (arXiv 2005.13239).

    Args:
        algorithm: SAC or TD3, in an environment of `rollouts.branches` episodes. It gets another replay buffer.
        rollouts: one call of it gives the new experience of a round.
        kept_rounds: how long experience is kept.
        steps_per_round: gradient steps of a round.
        held_rounds: so many rounds at first leave the actor as it is: critics learn from imagined experience, whose
            noise is wider than that of the data, what it costs to leave the data.
        n_steps: rewards of a branch that stand together in a critic's target before its own estimate takes over; real
            transitions always have one.
        moving_anchor: whether the anchor of an `AnchoredCritic` moves to the present actor with each round, instead of
            staying where the actor was before the first one.
        averaged_rounds: the policy to be used is the mean of the actors at the ends of about so many rounds, see
            `AveragedActor`; those in which the actor is held do not count.
        real, real_fraction, seed: see `ImaginedLearning`.

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
        kept_rounds: int,
        steps_per_round: int,
        held_rounds: int = 0,
        n_steps: int = 1,
        moving_anchor: bool = False,
        averaged_rounds: int = 1,
        seed: int = 0,
    ) -> None:
        if not isinstance(algorithm, OffPolicyAlgorithm):
            raise ConfigurationError(
                f"branches are stored, and {type(algorithm).__name__} learns only from what it has "
                "just done: set branched=false, or take SAC or TD3"
            )
        counts = {"steps_per_round": steps_per_round, "kept_rounds": kept_rounds, "averaged_rounds": averaged_rounds}
        if min(counts.values()) < 1:
            raise ConfigurationError(f"expected numbers of at least 1, got {counts}")
        algorithm.replay_buffer = _replay(algorithm, rollouts, kept_rounds, n_steps)
        super().__init__(algorithm, real, real_fraction, seed)
        self.off_policy = algorithm
        self.rollouts = rollouts
        self.steps_per_round = steps_per_round
        self.held_rounds = held_rounds
        self.moving_anchor = moving_anchor
        self.average = AveragedActor(algorithm.actor, averaged_rounds)

    @classmethod
    def of(
        cls,
        make_algorithm: Callable[[WorldModelVecEnv], BaseAlgorithm],
        rollouts: BranchedRollouts,
        episodes: Sequence[Episode],
        **options: Any,
    ) -> BranchedLearning:
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
        if critic is not None and (self.moving_anchor or critic.anchor is None):
            critic.move_anchor(self.off_policy.actor)
        held = self.gradient_steps < self.held_rounds * self.steps_per_round
        with held_actor(self.off_policy) if held else nullcontext():
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

    def _anchored_critic(self) -> AnchoredCritic | None:
        critic = getattr(self.off_policy.policy, "critic", None)
        return critic if isinstance(critic, AnchoredCritic) else None

    def _imagine(self) -> dict[str, float]:
        buffer: Any = self.off_policy.replay_buffer
        self.imagined_steps += self.rollouts.branches * self.rollouts.horizon
        return self.rollouts.run(self.off_policy, buffer, self.generator)


def _replay(algorithm: OffPolicyAlgorithm, rollouts: BranchedRollouts, kept_rounds: int, n_steps: int) -> ReplayBuffer:
    """Row after row, a column for each branch."""
    options: dict[str, Any] = {"device": algorithm.device, "n_envs": rollouts.branches}
    spaces_of: tuple[Any, Any] = algorithm.observation_space, algorithm.action_space
    size = rollouts.branches * rollouts.horizon * kept_rounds
    dictionary = isinstance(algorithm.observation_space, spaces.Dict)
    if n_steps == 1:
        return (DictReplayBuffer if dictionary else ReplayBuffer)(size, *spaces_of, **options)
    if dictionary or n_steps < 1:
        raise ConfigurationError(
            f"n_steps={n_steps}: expected at least 1, and 1 where observations are a dictionary, for which "
            "Stable-Baselines3 has no more"
        )
    return NStepReplayBuffer(size, *spaces_of, n_steps=n_steps, gamma=algorithm.gamma, **options)
