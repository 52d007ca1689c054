"""Environments with hidden dynamics parameters that differ from episode to episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.errors import ConfigurationError

_SCALED: Mapping[str, Sequence[str]] = {
    "strength": ("actuator_gear",),
    "mass": ("body_mass", "body_inertia"),
    "damping": ("dof_damping",),
    "gravity": ("opt.gravity",),
}
"""Properties, and the arrays of the MuJoCo model that each of them scales."""


class HiddenDynamics(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A MuJoCo environment with physical parameters that change from episode to episode and are not observed.

    A model has to infer them from the motion and to remember them: the setting of HiP-RSSM (ICLR 2022) and of MTS3
    (NeurIPS 2023), whose slow latent is made for it. `reset` samples a factor for each property, uniformly in its
    logarithm, and multiplies MuJoCo's own values with it; `info["hidden"]` holds the factors, for evaluation only.

    Args:
        environment: of MuJoCo.
        change_every: steps after which new factors are sampled within an episode; None keeps them.
        ranges: lowest and highest factor by property: strength (of all motors), mass (with the inertia), damping (of
            the joints), gravity. Other properties do not change.

    Raises:
        ConfigurationError: no MuJoCo model, an unknown property, or a range that is not 0 < low <= high.
    """

    def __init__(
        self,
        environment: gymnasium.Env[Any, Any],
        *,
        change_every: int | None = None,
        ranges: Mapping[str, Sequence[float]],
    ) -> None:
        super().__init__(environment)
        self._model: Any = getattr(environment.unwrapped, "model", None)
        if self._model is None:
            raise ConfigurationError(f"expected an environment of MuJoCo, {environment} has no MuJoCo model")
        if change_every is not None and change_every < 1:
            raise ConfigurationError(f"change_every={change_every}: expected at least 1 step, or none")
        self._ranges = {name: _check_range(name, limits) for name, limits in ranges.items()}
        self._change_every = change_every
        self._own = {path: np.copy(_array(self._model, path)) for name in self._ranges for path in _SCALED[name]}
        self._generator = np.random.default_rng()
        self._steps = 0
        self.factors: dict[str, float] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            # Another stream than the one from which the environment samples its start.
            self._generator = np.random.default_rng((seed, 1))
        self._steps = 0
        self._sample_factors()
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "hidden": dict(self.factors)}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        if self._change_every is not None and self._steps and self._steps % self._change_every == 0:
            self._sample_factors()
        self._steps += 1
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated, truncated, {**info, "hidden": dict(self.factors)}

    def _sample_factors(self) -> None:
        for name, (low, high) in self._ranges.items():
            factor = float(np.exp(self._generator.uniform(np.log(low), np.log(high))))
            self.factors[name] = factor
            for path in _SCALED[name]:
                # Scales the original values, so that factors of several episodes do not multiply.
                _array(self._model, path)[:] = self._own[path] * factor


def _array(model: Any, path: str) -> np.ndarray:
    for name in path.split("."):
        model = getattr(model, name)
    array: np.ndarray = model
    return array


def _check_range(name: str, limits: Sequence[float]) -> tuple[float, float]:
    if name not in _SCALED:
        raise ConfigurationError(f"unknown property {name!r}: expected some of {', '.join(_SCALED)}")
    if len(limits) != 2 or not 0 < limits[0] <= limits[1]:
        raise ConfigurationError(f"{name}={list(limits)}: expected the lowest and the highest factor, 0 < low <= high")
    return float(limits[0]), float(limits[1])


def make_hidden_half_cheetah(
    strength: Sequence[float] = (0.6, 1.2),
    mass: Sequence[float] = (0.8, 1.5),
    change_every: int | None = None,
    **options: Any,
) -> HiddenDynamics:
    """Make `HalfCheetah-v5` with `HiddenDynamics`, registered as "mbrl_mts3/HalfCheetahHidden-v0".

    Args:
        strength, mass, change_every: see `HiddenDynamics`.
        options: of `HalfCheetah-v5`.

    Raises:
        ConfigurationError: see `HiddenDynamics`.
    """
    cheetah = gymnasium.make("HalfCheetah-v5", max_episode_steps=-1, disable_env_checker=True, **options)
    return HiddenDynamics(cheetah, change_every=change_every, ranges={"strength": strength, "mass": mass})
