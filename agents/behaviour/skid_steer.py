"""A behaviour policy that wanders with a skid-steer robot."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.behaviour.base import ActionArray, Behaviour, action_box
from mbrl_mts3.agents.behaviour.noise import SmoothNoise
from mbrl_mts3.errors import ConfigurationError

# Whether a wheel stands on the left; front left, front right, rear left, rear right.
_SIDES = np.array([1.0, -1.0, 1.0, -1.0])


class SkidSteerBehaviour(Behaviour):
    """Smooth commands to go forward and to turn, mixed into torques, with smooth noise of its own for each wheel.

    The torque of a wheel is forward - turn on the left and forward + turn on the right, plus noise, clipped to the box.
    Forward and turn are Ornstein-Uhlenbeck processes, forward around `speed`, so that the robot gets about instead of
    trembling on the spot, and backs out now and then of where it got stuck.

    Args:
        environment: with four wheels, in the order front left, front right, rear left, rear right.
        speed: mean of the forward command, in half widths of the action box.
        forward: standard deviation of the noise on the forward command, in half widths of the action box.
        turn: standard deviation of the command to turn, in the same unit.
        wheel: standard deviation of the noise of each wheel, in the same unit.
        forward_steps: steps after which the noise on the forward command has forgotten 63% of itself.
        turn_steps: steps after which the command to turn has.
        wheel_steps: steps after which the noise of each wheel has.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        speed: float = 0.5,
        forward: float = 0.6,
        turn: float = 0.6,
        wheel: float = 0.2,
        forward_steps: float = 100.0,
        turn_steps: float = 60.0,
        wheel_steps: float = 10.0,
    ) -> None:
        low, high = action_box(environment)
        if len(low) != len(_SIDES):
            raise ConfigurationError(
                f"this behaviour drives a robot with four wheels, not one with {len(low)} actions: use it with "
                "mbrl_mts3/SkidSteer-v0, or choose another one, for example smooth_noise"
            )
        self._middle, self._half_width = (low + high) / 2, (high - low) / 2
        self._speed = speed
        self._noises = ((1, forward_steps, forward), (1, turn_steps, turn), (len(low), wheel_steps, wheel))
        self.reset(0)

    def reset(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._forward, self._turn, self._wheels = (SmoothNoise(generator, *noise) for noise in self._noises)

    def __call__(self, observation: Any) -> ActionArray:
        torque = self._speed + self._forward.step() - _SIDES * self._turn.step() + self._wheels.step()
        return (self._middle + self._half_width * np.clip(torque, -1.0, 1.0)).astype(np.float32)
