"""An environment whose answers are found to be what Gymnasium promises and a data set can hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.observations import observation_leaves, space_shapes
from mbrl_mts3.errors import ConfigurationError, MTS3Error


class CheckedEnvironment(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Refuses by name what cannot be learned from: Tuples, the old gym API, odd rewards, flags and shapes, NaN.

    Rewards and flags that are arrays of one number become that number. What the environment itself raises is told with
    its name.

    Args:
        env: any environment.

    Raises:
        ConfigurationError: its observation space is no Box and no (nested) Dict, or a key of a Dict has a slash.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        if not isinstance(env.observation_space, spaces.Space) or not isinstance(env.action_space, spaces.Space):
            raise ConfigurationError(f"{_name(env)} has no observation_space or no action_space: give it both")
        for part in _parts(env.observation_space):
            if isinstance(part, _ODD):
                raise ConfigurationError(
                    f"{_name(env)} has observations in a {type(part).__name__}, which data sets and models do not "
                    "take: wrap it, so that it returns a Dict or one array"
                )
            keys = [str(key) for key in part.spaces] if isinstance(part, spaces.Dict) else ["-"]
            if not keys or any("/" in key for key in keys):
                raise ConfigurationError(
                    f"{_name(env)} has a Dict of observations with the keys {keys}: expected at least one, and none "
                    "with a slash, which stands for a Dict within a Dict"
                )
        self._shapes = space_shapes(env.observation_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset.

        Raises:
            ConfigurationError: it takes no seed, or returns something else than an observation and infos.
        """
        try:
            found: Any = self.env.reset(seed=seed, options=options)
        except MTS3Error:
            raise
        except TypeError as error:
            raise self._fault(f"reset(seed=..., options=...) fails with {error}: {_OLD}") from error
        except Exception as error:
            raise self._fault(f"reset(seed={seed}) fails with {type(error).__name__}: {error} ({_WHERE})") from error
        if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
            raise self._fault(f"reset returns {_kind(found)}, expected an observation and infos: {_OLD}")
        self._check(found[0])
        return found[0], dict(found[1])

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step.

        Raises:
            ConfigurationError: it returns other than five values, no number as reward, or an odd observation.
        """
        try:
            found: Any = self.env.step(action)
        except MTS3Error:
            raise
        except Exception as error:
            raise self._fault(f"step(action) fails with {type(error).__name__}: {error} ({_WHERE})") from error
        if not (isinstance(found, tuple) and len(found) == 5):
            raise self._fault(f"step returns {_kind(found)}, expected five values: {_OLD}")
        observation, reward, terminated, truncated, info = found
        paid = np.asarray(reward)
        if paid.size != 1 or paid.dtype.kind not in "biuf" or not np.isfinite(paid).all():
            raise self._fault(f"its reward is {_short(reward)}, expected one finite number")
        if not isinstance(info, Mapping):
            raise self._fault(f"step returns {_kind(info)} in place of infos, expected a dict")
        self._check(observation)
        return observation, float(paid.reshape(())), self._flag(terminated), self._flag(truncated), dict(info)

    def _flag(self, given: Any) -> bool:
        flag = np.asarray(given)
        if flag.size != 1 or flag.dtype.kind not in "biuf" or flag.reshape(()) not in (0, 1):
            raise self._fault(f"step returns {_short(given)} for terminated or truncated, expected a truth value")
        return bool(flag.reshape(()))

    def _check(self, observation: Any) -> None:
        try:
            leaves = dict(observation_leaves(observation))
        except ValueError as error:
            raise self._fault(f"an observation is no array ({error})") from error
        found = {name: leaf.shape for name, leaf in leaves.items()}
        expected = {name: found.get(name) if shape is None else shape for name, shape in self._shapes.items()}
        if found != expected or any(leaf.dtype.kind == "O" for leaf in leaves.values()):
            raise self._fault(f"an observation has the shapes {found}, its space {expected}: mend one of the two")
        for name, leaf in leaves.items():
            if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
                raise self._fault(f"{name} holds NaN or infinity, which no model can take: mend it, or leave it out")

    def _fault(self, text: str) -> ConfigurationError:
        return ConfigurationError(f"{_name(self.env)}: {text}")


_ODD = (spaces.Tuple, spaces.Sequence, spaces.Graph, spaces.OneOf)
_WHERE = "MTS3_TRACEBACK=1 shows where"
_OLD = "environments of the old gym need a wrapper for Gymnasium (shimmy has one)"


def _name(env: gymnasium.Env[Any, Any]) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _kind(found: Any) -> str:
    return f"{len(found)} values" if isinstance(found, tuple) else f"a {type(found).__name__}"


def _parts(space: spaces.Space[Any]) -> Iterator[spaces.Space[Any]]:
    yield space
    if isinstance(space, spaces.Dict):
        for part in space.spaces.values():
            yield from _parts(part)
