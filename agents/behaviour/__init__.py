"""Behaviour policies, which collect data."""

from mbrl_mts3.agents.behaviour.base import Behaviour, BehaviourFactory
from mbrl_mts3.agents.behaviour.kitchen import KitchenDemonstration
from mbrl_mts3.agents.behaviour.noise import NoisyBehaviour, RandomBehaviour, SmoothNoiseBehaviour
from mbrl_mts3.agents.behaviour.policies import PolicyBehaviour, SB3Behaviour
from mbrl_mts3.agents.behaviour.skid_steer import SkidSteerBehaviour
from mbrl_mts3.agents.behaviour.waypoint import WaypointBehaviour

__all__ = [
    "Behaviour",
    "BehaviourFactory",
    "KitchenDemonstration",
    "NoisyBehaviour",
    "PolicyBehaviour",
    "RandomBehaviour",
    "SB3Behaviour",
    "SkidSteerBehaviour",
    "SmoothNoiseBehaviour",
    "WaypointBehaviour",
]
