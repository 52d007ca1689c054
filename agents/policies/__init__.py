"""Trained policies, small enough to ship."""

from mbrl_mts3.agents.policies.export_sac_actor import export_sac_actor
from mbrl_mts3.agents.policies.shipped_policies import load_shipped_policy, shipped_policies
from mbrl_mts3.agents.policies.squashed_gaussian_policy import SquashedGaussianPolicy

__all__ = ["SquashedGaussianPolicy", "export_sac_actor", "load_shipped_policy", "shipped_policies"]
