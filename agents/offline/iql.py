"""Implicit Q-learning (Kostrikov, Nair and Levine, 2021, arXiv 2110.06169) on Stable-Baselines3's TD3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, create_mlp
from stable_baselines3.common.utils import polyak_update
from stable_baselines3.td3.policies import Actor, TD3Policy
from torch import Tensor, nn
from torch.distributions import Normal

from mbrl_mts3.agents.offline.base import Batch, OfflineLearner
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.errors import ConfigurationError

# The paper's bound of exp(inverse_temperature * advantage), and its code's of the logarithm of the deviation.
_LARGEST_WEIGHT = 100.0
_LOG_STD = (-5.0, 2.0)


def expectile_loss(errors: Tensor, expectile: float) -> Tensor:
    """Mean of |expectile - 1(u < 0)| u^2 over errors u = target - estimate (equation 5 of the paper).

    At 0.5 its minimum is the mean of the targets (and it is half of the squared error), towards 1 the largest of them.
    """
    return torch.where(errors < 0, 1 - expectile, expectile).mul(errors.square()).mean()


class IQLCritic(ContinuousCritic):
    """Q(o, a), twice, and V(o), all in the unit of the rewards.

    The networks themselves count in `reward_unit`s, so that they learn numbers near the size of 1 / (1 - gamma).

    Args:
        options: see `stable_baselines3.common.policies.ContinuousCritic`.
    """

    reward_unit: Tensor

    def __init__(self, *options: Any, **named: Any) -> None:
        super().__init__(*options, **named)
        features, units, activation = named["features_dim"], named["net_arch"], named["activation_fn"]
        self.v_network = nn.Sequential(*create_mlp(features, 1, units, activation))
        self.register_buffer("reward_unit", torch.ones(()))

    def forward(self, obs: Any, actions: Tensor) -> tuple[Tensor, ...]:
        """Q(o, a) of each network, (B, 1) each."""
        return tuple(self.reward_unit * value for value in super().forward(obs, actions))

    def q1_forward(self, obs: Any, actions: Tensor) -> Tensor:
        """Q(o, a) of the first network, (B, 1)."""
        return self.reward_unit * super().q1_forward(obs, actions)

    def value(self, obs: Any) -> Tensor:
        """V(o), (B, 1)."""
        values: Tensor = self.v_network(self.extract_features(obs, self.features_extractor))
        return self.reward_unit * values


class GaussianActor(Actor):
    """TD3's actor as the mean of a normal distribution whose deviation is the same for all observations.

    Args:
        options: see `stable_baselines3.td3.policies.Actor`.
    """

    def __init__(self, *options: Any, **named: Any) -> None:
        super().__init__(*options, **named)
        self.log_std = nn.Parameter(torch.zeros(self.action_space.shape or ()))

    def log_likelihood(self, obs: Any, actions: Tensor) -> Tensor:
        """log pi(a | o) of actions in [-1, 1], (B, 1)."""
        # Unchecked: where networks give NaN, the learner says so with its losses.
        policy: Any = Normal(self(obs), self.log_std.clamp(*_LOG_STD).exp(), validate_args=False)
        likelihood: Tensor = policy.log_prob(actions)
        return likelihood.sum(dim=-1, keepdim=True)


class IQLPolicy(TD3Policy):
    """The networks of IQL; acts with the mean of its distribution.

    Args:
        options: see `stable_baselines3.td3.policies.TD3Policy`.
    """

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> GaussianActor:
        """A new actor."""
        return GaussianActor(**self._update_features_extractor(self.actor_kwargs, features_extractor)).to(self.device)

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> IQLCritic:
        """New critics and a value."""
        return IQLCritic(**self._update_features_extractor(self.critic_kwargs, features_extractor)).to(self.device)


class IQL(OfflineLearner):
    """Implicit Q-learning: values of the best actions in the data, and a clone of those that are better than expected.

    V(o) is an upper expectile of Q(o, a) over the actions of the data, and Q(o, a) is learned towards r + gamma V(o'),
    so that no action is ever valued that the data do not hold. The policy maximises the likelihood of the data's
    actions with weights exp(inverse_temperature * (Q(o, a) - V(o)) / reward_unit), at most 100 (equations 5 to 7 of the
    paper). The zip that `save` writes is one of TD3: `TD3.load` reads it, and the policy acts on raw observations.

    Args:
        policy, env, options: see `stable_baselines3.TD3`; `from_dataset` needs no environment.
        expectile: of V, between 0 and 1: 0.5 values the policy of the data, towards 1 the best of its actions.
        inverse_temperature: weight of advantages: 0 is behaviour cloning, large values take the best actions alone.

    Raises:
        ConfigurationError: expectile or inverse_temperature are out of range.
    """

    critic: IQLCritic
    critic_target: IQLCritic
    actor: GaussianActor

    def __init__(
        self, policy: Any, env: Any, *, expectile: float = 0.7, inverse_temperature: float = 3.0, **options: Any
    ) -> None:
        if not 0 < expectile < 1:
            raise ConfigurationError(f"expected 0 < expectile < 1, got {expectile}: 0.7 and 0.9 are the paper's")
        if inverse_temperature < 0:
            raise ConfigurationError(
                f"expected inverse_temperature >= 0, got {inverse_temperature}: 3 is the paper's, 0 is cloning"
            )
        super().__init__(policy, env, **options)
        self.expectile = expectile
        self.inverse_temperature = inverse_temperature

    @classmethod
    def from_dataset(
        cls,
        dataset: OfflineDataset,
        *,
        expectile: float = 0.7,
        inverse_temperature: float = 3.0,
        reward_unit: float | None = None,
        net_arch: Sequence[int] = (256, 256),
        learning_rate: float = 3e-4,
        gamma: float = 0.99,
        tau: float = 0.005,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> Self:
        """An untrained policy for the spaces of a data set, with its transitions to learn from.

        Observations are normalised by the mean and standard deviation of all of the data, inside the policy.

        Args:
            dataset: see `build_replay_buffer`.
            expectile, inverse_temperature: see the class.
            reward_unit: what advantages are measured in; None takes the difference between the best and the worst
                episode, by step (the paper's for locomotion, `measure_reward_unit`).
            net_arch: hidden units of all networks.
            learning_rate, gamma, tau: see `stable_baselines3.TD3`.

        Raises:
            ConfigurationError: a number is out of range.
            SpaceMismatchError, DataError: as `build_replay_buffer` does.
        """
        unit = measure_reward_unit(dataset) if reward_unit is None else reward_unit
        if not unit > 0:
            raise ConfigurationError(f"expected reward_unit > 0, got {unit}: 1 takes rewards as they are")
        model = cls._for_data(
            dataset,
            IQLPolicy,
            net_arch=net_arch,
            seed=seed,
            device=device,
            expectile=expectile,
            inverse_temperature=inverse_temperature,
            learning_rate=learning_rate,
            gamma=gamma,
            tau=tau,
        )
        for critic in (model.critic, model.critic_target):
            critic.reward_unit.fill_(unit)
        return model

    def _learn_from(self, batch: Batch) -> dict[str, float]:
        """In the order of the paper's code: V, the policy with the new V, Q, the targets."""
        observations: Any = batch.observations  # a dict too, whatever the annotation there says
        with torch.no_grad():
            q = torch.minimum(*self.critic_target(observations, batch.actions))
        found = self._update_value(observations, q)
        found |= self._update_actor(observations, batch.actions, q)
        found |= self._update_critics(batch)
        polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
        polyak_update(self.actor.parameters(), self.actor_target.parameters(), self.tau)
        return found

    def _update_value(self, observations: Any, q: Tensor) -> dict[str, float]:
        value = self.critic.value(observations)
        loss = expectile_loss((q - value) / self.critic.reward_unit, self.expectile)
        self._step(self.critic, loss)
        return {"value_loss": loss.item(), "v": value.mean().item()}

    def _update_actor(self, observations: Any, actions: Tensor, q: Tensor) -> dict[str, float]:
        with torch.no_grad():
            advantages = (q - self.critic.value(observations)) / self.critic.reward_unit
            weights = (self.inverse_temperature * advantages).exp().clamp(max=_LARGEST_WEIGHT)
        loss = -(weights * self.actor.log_likelihood(observations, actions)).mean()
        self._step(self.actor, loss)
        return {"actor_loss": loss.item(), "weight": weights.mean().item()}

    def _update_critics(self, batch: Batch) -> dict[str, float]:
        next_observations: Any = batch.next_observations
        observations: Any = batch.observations
        with torch.no_grad():
            target = batch.rewards + (1 - batch.dones) * self.gamma * self.critic.value(next_observations)
        values = self.critic(observations, batch.actions)
        errors = (torch.cat(values, dim=1) - target) / self.critic.reward_unit
        loss = errors.square().mean(dim=0).sum()
        self._step(self.critic, loss)
        return {"critic_loss": loss.item(), "q": values[0].mean().item()}

    def _step(self, network: Any, loss: Tensor) -> None:
        # V and Q share an optimiser, which passes over whatever has no gradient.
        network.optimizer.zero_grad()
        loss.backward()
        network.optimizer.step()


def measure_reward_unit(dataset: OfflineDataset) -> float:
    """(best - worst return of an episode) / steps of the longest: advantages in it are the paper's for locomotion.

    1 where all returns are equal. The paper gives rewards so scaled that returns of 1,000 steps span 1,000.
    """
    returns = [float(episode.rewards.sum()) for episode in dataset.episodes]
    span = max(returns) - min(returns)
    return span / max(map(len, dataset.episodes)) if span > 0 else 1.0
