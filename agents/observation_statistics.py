"""Statistics that policies were trained behind: VecNormalize of Stable-Baselines3, read without running its pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.formats.mts3_pickle import RestrictedUnpickler
from mbrl_mts3.errors import ConfigurationError, DataError, SpaceMismatchError

_SB3 = "stable_baselines3.common"
_CLASS = (f"{_SB3}.vec_env.vec_normalize", "VecNormalize")
# What stands in a file of VecNormalize.save. Spaces come with their random generators.
_RECORDS = (
    _CLASS,
    (f"{_SB3}.running_mean_std", "RunningMeanStd"),
    ("gymnasium.spaces.box", "Box"),
    ("gymnasium.spaces.dict", "Dict"),
    ("numpy.random._pickle", "__generator_ctor"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random.bit_generator", "SeedSequence"),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
)
_WHOLE = ""


@dataclass(frozen=True)
class ObservationStatistics:
    """Means and variances by which observations are normalised before a policy sees them.

    As VecNormalize has it: clip((o - mean) / sqrt(variance + epsilon), -limit, limit).
    """

    mean: Mapping[str, Array]
    """By key of a Dict observation, "" for an observation that is an array; keys that are missing stay as they are."""
    variance: Mapping[str, Array]
    limit: float
    epsilon: float

    @classmethod
    def read(cls, path: str | Path) -> ObservationStatistics:
        """Read a file that `VecNormalize.save` wrote. It is a pickle; nothing in it is run or imported.

        Raises:
            ConfigurationError: no such file, another kind of file, or one that does not normalise observations.
        """
        try:
            state = RestrictedUnpickler.read(path, _RECORDS)
            if not isinstance(state, dict) or "norm_obs" not in state:
                raise DataError(f"{path} holds no VecNormalize")
            if not state["norm_obs"]:
                raise DataError(
                    f"{path} is of a VecNormalize that leaves observations as they are (its norm_obs is false)"
                )
            found = state["obs_rms"] if "mean" not in state["obs_rms"] else {_WHOLE: state["obs_rms"]}
            mean = {str(key): np.asarray(one["mean"], np.float64) for key, one in found.items()}
            variance = {str(key): np.asarray(one["var"], np.float64) for key, one in found.items()}
            limit, epsilon = float(state["clip_obs"]), float(state["epsilon"])
        except (DataError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"{path} holds no statistics of observations ({type(error).__name__}: {error}): give the file that "
                "VecNormalize.save of Stable-Baselines3 wrote"
            ) from error
        return cls(mean, variance, limit, epsilon)

    def check(self, space: spaces.Space[Any]) -> None:
        """Raise SpaceMismatchError unless these are statistics of that space."""
        parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {_WHOLE: space}
        have = {name: mean.shape for name, mean in self.mean.items()}
        if not have.items() <= {name: part.shape for name, part in parts.items()}.items():
            raise SpaceMismatchError(
                f"the statistics are of observations with the shapes {have}, the policy takes {space}: take those that "
                "were saved with this policy"
            )

    def normalize(self, observation: Any) -> Any:
        """Observations of one environment or of several, normalised, as float32."""
        if not isinstance(observation, Mapping):
            return self._scaled(_WHOLE, observation)
        return {key: self._scaled(key, part) if key in self.mean else part for key, part in observation.items()}

    def _scaled(self, key: str, values: Any) -> Array:
        scaled = (np.asarray(values) - self.mean[key]) / np.sqrt(self.variance[key] + self.epsilon)
        return np.clip(scaled, -self.limit, self.limit).astype(np.float32)


@dataclass(frozen=True, eq=False)
class NormalizingAgent:
    """A policy that is shown normalised observations. An `Agent`.

    Args:
        policy: of Stable-Baselines3.
        statistics: of the VecNormalize that it was trained in.

    Raises:
        SpaceMismatchError: the statistics are not of the policy's observations.
    """

    policy: Any
    statistics: ObservationStatistics

    def __post_init__(self) -> None:
        self.statistics.check(self.policy.observation_space)

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """That of the policy, which has the shapes of the raw one."""
        space: spaces.Space[Any] = self.policy.observation_space
        return space

    @property
    def action_space(self) -> spaces.Space[Any]:
        """That of the policy."""
        space: spaces.Space[Any] = self.policy.action_space
        return space

    def predict(self, observation: Any, *given: Any, **named: Any) -> tuple[np.ndarray, Any]:
        """Ask the policy; see `Agent.predict`."""
        actions, state = self.policy.predict(self.statistics.normalize(observation), *given, **named)
        return actions, state
