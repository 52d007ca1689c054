"""Scripted demonstrations in the Franka kitchen: what to do, and an arm that does it."""

from mbrl_mts3.agents.behaviour.kitchen.demonstration import KitchenDemonstration
from mbrl_mts3.agents.behaviour.kitchen.plans import KITCHEN_PLANS

__all__ = ["KITCHEN_PLANS", "KitchenDemonstration"]
