"""Scripted demonstrations in FrankaKitchen: the plans, and the controller of the arm."""

from mbrl_mts3.agents.behaviour.kitchen.demonstration import KitchenDemonstration
from mbrl_mts3.agents.behaviour.kitchen.plans import KITCHEN_PLANS

__all__ = ["KITCHEN_PLANS", "KitchenDemonstration"]
