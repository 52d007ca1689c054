"""Ends of episodes as functions of observations, for learning in imagination."""

from mbrl_mts3.envs.terminations.goal_reached import GoalReached
from mbrl_mts3.envs.terminations.kitchen_finished import KitchenFinished
from mbrl_mts3.envs.terminations.never import Never
from mbrl_mts3.envs.terminations.termination_function import TerminationFunction
from mbrl_mts3.envs.terminations.tipped_over import TippedOver

__all__ = ["GoalReached", "KitchenFinished", "Never", "TerminationFunction", "TippedOver"]
