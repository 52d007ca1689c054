"""The policies of SAC and TD3 with the critics that learning from imagined and stored experience needs."""

from __future__ import annotations

from typing import Any

from stable_baselines3 import SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.sac import policies as sac
from stable_baselines3.td3 import policies as td3

from mbrl_mts3.agents.imagination.anchored_critic import AnchoredCritic
from mbrl_mts3.agents.imagination.normalised_critic import NormalisedCritic


def learning_policy(algorithm: type[BaseAlgorithm], *, dictionary: bool) -> type[BasePolicy] | str:
    """The policy of an algorithm for observations that are a dictionary, or one array."""
    if algorithm is SAC:
        return _SACMultiInputPolicy if dictionary else _SACPolicy
    if algorithm is TD3:
        return _TD3MultiInputPolicy if dictionary else _TD3Policy
    return "MultiInputPolicy" if dictionary else "MlpPolicy"


class _SACPolicy(sac.SACPolicy):
    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> NormalisedCritic:
        options: dict[str, Any] = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return NormalisedCritic(**options).to(self.device)


class _SACMultiInputPolicy(_SACPolicy, sac.MultiInputPolicy):
    pass


class _TD3Policy(td3.TD3Policy):
    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> AnchoredCritic:
        options: dict[str, Any] = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return AnchoredCritic(**options).to(self.device)


class _TD3MultiInputPolicy(_TD3Policy, td3.MultiInputPolicy):
    pass
