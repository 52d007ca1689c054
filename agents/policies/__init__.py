"""Trained policies, small enough to ship."""

from mbrl_mts3.agents.policies.shipped import load_shipped_policy, shipped_policies
from mbrl_mts3.agents.policies.squashed_gaussian import SquashedGaussianPolicy, export_sac_actor

__all__ = ["SquashedGaussianPolicy", "export_sac_actor", "load_shipped_policy", "shipped_policies"]
