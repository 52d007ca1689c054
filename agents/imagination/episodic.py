"""Policy training on whole imagined episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecMonitor, VecNormalize

from mbrl_mts3.agents.imagination.base import ImaginationTrainer
from mbrl_mts3.agents.imagination.imitation import frozen_actor
from mbrl_mts3.agents.transitions import real_transitions
from mbrl_mts3.agents.vec_env import WorldModelVecEnv
from mbrl_mts3.data.episode import Episode
from mbrl_mts3.envs.world_model import Uncertainty, WorldModelDynamics
from mbrl_mts3.errors import ConfigurationError


class EpisodicTrainer(ImaginationTrainer):
    """The algorithm's own `learn` in imagined episodes of full length.

    Episodes go on from one round to the next; a run that is resumed begins new ones. On-policy algorithms get rewards
    divided by the spread of discounted returns (`VecNormalize`): their one network of values learns next to nothing
    where these are hundreds.

    Args:
        algorithm: any; its environment is a `WorldModelVecEnv` in a `VecNormalize`.
        uncertainty: that of the environment.
        steps_per_round: steps of all environments together; rounded up to what the algorithm collects at a time.
        actor_warmup_rounds: so many rounds at first leave the actor as it is: advantages from values that nobody
            has learnt yet would lead a cloned policy astray.
        real, real_fraction, seed: see `ImaginationTrainer`.

    Raises:
        ConfigurationError: real data are to be mixed into what an on-policy algorithm learns from.
    """

    def __init__(
        self,
        algorithm: BaseAlgorithm,
        uncertainty: Uncertainty,
        real: ReplayBuffer,
        *,
        real_fraction: float,
        steps_per_round: int,
        actor_warmup_rounds: int = 0,
        seed: int = 0,
    ) -> None:
        if real_fraction and not isinstance(algorithm, OffPolicyAlgorithm):
            raise ConfigurationError(
                f"{type(algorithm).__name__} learns only from what it has just done, so real data cannot be mixed in: "
                "set real_fraction=0, or take SAC or TD3"
            )
        if steps_per_round < 1:
            raise ConfigurationError(f"expected at least one step per round, got {steps_per_round}")
        super().__init__(algorithm, real, real_fraction, seed)
        self.rewards = _scaled_rewards(algorithm)
        self.actor_warmup_rounds = actor_warmup_rounds
        self.rounds_done = 0
        self.uncertainty = uncertainty
        self.steps_per_round = steps_per_round
        self._seed = seed

    @classmethod
    def from_episodes(
        cls,
        make_algorithm: Callable[[VecEnv], BaseAlgorithm],
        dynamics: WorldModelDynamics,
        environments: int,
        episodes: Sequence[Episode],
        **options: Any,
    ) -> EpisodicTrainer:
        """In so many imagined episodes, with the transitions of `episodes` as real data; `options` as of the class."""
        algorithm = make_algorithm(VecNormalize(VecMonitor(WorldModelVecEnv(dynamics, environments)), norm_obs=False))
        real = real_transitions(dynamics, episodes).as_buffer(
            algorithm.observation_space, algorithm.action_space, algorithm.device
        )
        return cls(algorithm, dynamics.uncertainty, real, **options)

    def round(self) -> dict[str, float]:
        environment = self.algorithm.get_env()
        assert environment is not None
        if self.algorithm._last_obs is None:
            # Not the seed alone: a resumed run is not to imagine again what the first one began with.
            environment.seed(self._seed + self.imagined_steps)
        meter, before = _Meter(self.uncertainty), self.algorithm._n_updates
        with frozen_actor(self.algorithm) if self.rounds_done < self.actor_warmup_rounds else nullcontext():
            self.algorithm.learn(self.steps_per_round, callback=meter, log_interval=_NEVER, reset_num_timesteps=False)
        self.rounds_done += 1
        self.imagined_steps = self.algorithm.num_timesteps
        self.gradient_steps += self.algorithm._n_updates - before
        return {**meter.means(), **self.losses()}

    def state_dict(self) -> dict[str, Any]:
        spread = self.rewards.ret_rms
        numbers = float(spread.mean), float(spread.var), float(spread.count)
        return {**super().state_dict(), "rounds_done": self.rounds_done, "return_spread": numbers}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.rounds_done = state["rounds_done"]
        spread = self.rewards.ret_rms
        mean, variance, spread.count = state["return_spread"]
        spread.mean, spread.var = np.asarray(mean), np.asarray(variance)


def _scaled_rewards(algorithm: BaseAlgorithm) -> VecNormalize:
    """The wrapper that scales rewards; what stores transitions beside real ones keeps them as they are."""
    environment = algorithm.get_vec_normalize_env()
    assert environment is not None
    environment.gamma = algorithm.gamma  # type: ignore[attr-defined]
    environment.norm_reward = environment.training = isinstance(algorithm, OnPolicyAlgorithm)
    return environment


# Stable-Baselines3 forgets its losses when it writes them.
_NEVER = 10**12


class _Meter(BaseCallback):
    """Means over what was imagined."""

    def __init__(self, uncertainty: Uncertainty) -> None:
        super().__init__()
        self.uncertainty = uncertainty
        self.rows: list[dict[str, float]] = []
        self.returns: list[float] = []

    def _on_step(self) -> bool:
        infos, done = self.locals["infos"], self.locals["dones"]
        rewards = self.training_env.get_original_reward()  # type: ignore[attr-defined]
        uncertainty = float(np.mean([info.get("uncertainty", 0.0) for info in infos]))
        penalty = self.uncertainty.penalty * uncertainty
        ended = [d and not info["TimeLimit.truncated"] for d, info in zip(done, infos, strict=True)]
        self.rows.append(
            {
                # The environment's reward is what is left of it after the penalty.
                "reward": float(np.mean(rewards)) + penalty,
                "penalty": penalty,
                "uncertainty": uncertainty,
                "terminated": float(np.mean(ended)),
                "over_budget": float(np.mean([info.get("truncation") == "uncertainty" for info in infos])),
            }
        )
        self.returns += [info["episode"]["r"] for info in infos if "episode" in info]
        return True

    def means(self) -> dict[str, float]:
        """Means by name; `episode_return` where an episode has ended."""
        found = {name: float(np.mean([row[name] for row in self.rows])) for name in self.rows[0]}
        return {**found, "episode_return": float(np.mean(self.returns))} if self.returns else found
