"""An environment whose answers are found to be what Gymnasium promises and a data set can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.observations import observation_leaves, space_shapes
from mbrl_mts3.errors import ConfigurationError


class CheckedEnvironment(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Refuses by name what cannot be learned from: Tuples, the old gym API, odd rewards, changing shapes.

    Rewards that are arrays of one number become that number.

    Args:
        env: any environment.

    Raises:
        ConfigurationError: its observation space is no Box and no (nested) Dict.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        odd = [type(part).__name__ for part in _parts(env.observation_space) if isinstance(part, spaces.Tuple)]
        if odd:
            raise ConfigurationError(
                f"{_name(env)} has observations in a Tuple, which data sets and models do not take: wrap it, so that "
                "it returns a Dict or one array"
            )
        self._shapes = space_shapes(env.observation_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset.

        Raises:
            ConfigurationError: it takes no seed, or returns something else than an observation and infos.
        """
        try:
            found: Any = self.env.reset(seed=seed, options=options)
        except TypeError as error:
            raise self._fault(f"reset(seed=..., options=...) fails with {error}: {_OLD}") from error
        if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
            raise self._fault(f"reset returns {_kind(found)}, expected an observation and infos: {_OLD}")
        self._check(found[0])
        return found[0], dict(found[1])

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step.

        Raises:
            ConfigurationError: it returns other than five values, no number as reward, or an odd observation.
        """
        found: Any = self.env.step(action)
        if not (isinstance(found, tuple) and len(found) == 5):
            raise self._fault(f"step returns {_kind(found)}, expected five values: {_OLD}")
        observation, reward, terminated, truncated, info = found
        paid = np.asarray(reward)
        if paid.size != 1 or paid.dtype.kind not in "biuf":
            raise self._fault(f"its reward is {reward!r}, expected one number")
        self._check(observation)
        return observation, float(paid.reshape(())), bool(terminated), bool(truncated), info

    def _check(self, observation: Any) -> None:
        found = {name: leaf.shape for name, leaf in observation_leaves(observation)}
        expected = {name: found.get(name) if shape is None else shape for name, shape in self._shapes.items()}
        if found != expected or any(leaf.dtype.kind == "O" for _, leaf in observation_leaves(observation)):
            raise self._fault(f"an observation has the shapes {found}, its space {expected}: mend one of the two")

    def _fault(self, text: str) -> ConfigurationError:
        return ConfigurationError(f"{_name(self.env)}: {text}")


_OLD = "environments of the old gym need a wrapper for Gymnasium (shimmy has one)"


def _name(env: gymnasium.Env[Any, Any]) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__


def _kind(found: Any) -> str:
    return f"{len(found)} values" if isinstance(found, tuple) else f"a {type(found).__name__}"


def _parts(space: spaces.Space[Any]) -> Iterator[spaces.Space[Any]]:
    yield space
    if isinstance(space, spaces.Dict):
        for part in space.spaces.values():
            yield from _parts(part)
