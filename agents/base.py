"""The contract of agents, which is Stable-Baselines3's `predict`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Agent(Protocol):
    """Anything with the `predict` of Stable-Baselines3.

    Agents remember nothing between calls: what they know travels in the state.
    """

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """Choose actions.

        Args:
            observation: raw observation of one environment, or of B: an array (d,), (B, d), or a dict of such.
            state: what the last call returned; None before the first.
            episode_start: (B,) bool, True where an episode begins with this observation; its state is forgotten.
                None means nowhere, or everywhere if `state` is None.
            deterministic: whether a stochastic policy takes its mode.

        Returns:
            Actions (act,) or (B, act) in physical units, and the state for the next call.
        """
        ...


@runtime_checkable
class SeededAgent(Protocol):
    """An agent that draws at random: in evaluations from the seeds of the episodes, so that each can be repeated alone.

    Its `predict` takes one argument more, `seeds`: (B,) of the episodes that the observations are of; None where they
    have none, which takes the rows' numbers.
    """

    draws_by_seed: bool

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: np.ndarray | None = None,
        deterministic: bool = False,
        seeds: np.ndarray | None = None,
    ) -> tuple[np.ndarray, Any]:
        """See `Agent.predict`."""
        ...


def batch_size(observation: Any) -> int | None:
    """Number of environments that an observation of one-dimensional entries is of; None for a single one."""
    while isinstance(observation, Mapping):
        observation = next(iter(observation.values()))
    array = np.asarray(observation)
    return len(array) if array.ndim > 1 else None
