"""Nested observations for policies: dicts within dicts, which Stable-Baselines3 does not take, as one array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.data.nested import list_leaves


def is_nested(space: spaces.Space[Any]) -> bool:
    """Whether observations are dicts within dicts, as those of FrankaKitchen are."""
    return isinstance(space, spaces.Dict) and any(isinstance(part, spaces.Dict) for part in space.values())


def fit_policy_space(policy_space: spaces.Space[Any], space: spaces.Space[Any]) -> spaces.Space[Any]:
    """What a policy's space is compared with an environment's by: the environment's own where it fits flattened.

    Args:
        policy_space: of the observations that the policy takes.
        space: raw one of the environment.
    """
    return space if _takes_flat(policy_space, space) else policy_space


def fit_policy(policy: Any, space: spaces.Space[Any]) -> Agent:
    """The policy, behind a `FlatObservationAgent` where it takes the environment's Dict as one array.

    Args:
        policy: of Stable-Baselines3, with its `observation_space`.
        space: raw one of the environment.
    """
    return FlatObservationAgent(policy, space) if _takes_flat(policy.observation_space, space) else policy


def _takes_flat(policy_space: spaces.Space[Any], space: spaces.Space[Any]) -> bool:
    if not isinstance(space, spaces.Dict) or isinstance(policy_space, spaces.Dict):
        return False
    return policy_space.shape == (sum(int(np.prod(leaf.shape or ())) for leaf in _leaves(space)),)


def _leaves(space: spaces.Dict) -> list[spaces.Space[Any]]:
    return [leaf for part in space.values() for leaf in (_leaves(part) if isinstance(part, spaces.Dict) else [part])]


@dataclass(frozen=True, eq=False)
class FlatObservationAgent:
    """A policy that is shown Dict observations as one array, as Gymnasium's `FlattenObservation` does. An `Agent`.

    Args:
        agent: takes arrays.
        observation_space: raw one of the environment, whose keys give the order.
    """

    agent: Agent
    observation_space: spaces.Space[Any]

    def predict(self, observation: Any, *given: Any, **named: Any) -> tuple[np.ndarray, Any]:
        """Ask the policy; see `Agent.predict`."""
        rows = np.concatenate(list_leaves(ordered(self.observation_space, observation)), axis=-1)
        return self.agent.predict(rows, *given, **named)


def ordered(space: spaces.Space[Any], observation: Any) -> Any:
    """A raw observation with its keys in the order of the space."""
    if not isinstance(space, spaces.Dict):
        return np.asarray(observation)
    return {key: ordered(part, observation[key]) for key, part in space.items()}
