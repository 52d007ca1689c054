"""The policies of TD3 with `AnchoredCritic` for their critics."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.td3.policies import MultiInputPolicy, TD3Policy

from mbrl_mts3.agents.imagination.anchored_critic import AnchoredCritic


def anchored_policy(dictionary: bool) -> type[TD3Policy]:
    """The class for observations that are a dictionary, or one array."""
    return _AnchoredMultiInputPolicy if dictionary else _AnchoredPolicy


class _AnchoredPolicy(TD3Policy):
    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> AnchoredCritic:
        options: dict[str, Any] = self._update_features_extractor(self.critic_kwargs, features_extractor)
        return AnchoredCritic(**options).to(self.device)


class _AnchoredMultiInputPolicy(_AnchoredPolicy, MultiInputPolicy):
    pass
