"""Environments in which something is different each time that no observation shows."""

from mbrl_mts3.envs.hidden_dynamics.hidden_dynamics import HiddenDynamics
from mbrl_mts3.envs.hidden_dynamics.make_hidden_half_cheetah import make_hidden_half_cheetah

__all__ = ["HiddenDynamics", "make_hidden_half_cheetah"]
