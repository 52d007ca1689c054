"""Policies that collect data."""

from mbrl_mts3.agents.behaviour.base import Behaviour, BehaviourFactory
from mbrl_mts3.agents.behaviour.kitchen import KitchenDemonstration
from mbrl_mts3.agents.behaviour.noisy_behaviour import NoisyBehaviour
from mbrl_mts3.agents.behaviour.policy_behaviour import PolicyBehaviour
from mbrl_mts3.agents.behaviour.random_behaviour import RandomBehaviour
from mbrl_mts3.agents.behaviour.sb3_behaviour import SB3Behaviour
from mbrl_mts3.agents.behaviour.skid_steer_behaviour import SkidSteerBehaviour
from mbrl_mts3.agents.behaviour.smooth_noise_behaviour import SmoothNoiseBehaviour
from mbrl_mts3.agents.behaviour.waypoint_behaviour import WaypointBehaviour

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
