"""Letting an agent act in a learned world model, step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.envs.world_model.imagined_batch import ImaginedBatch
from mbrl_mts3.envs.world_model.imagined_outcome import BoolVector, ImaginedOutcome


@dataclass(frozen=True)
class ImaginedStep:
    """One step of B imagined episodes."""

    outcome: ImaginedOutcome
    running: BoolVector
    """(B,): where the first episode had not ended before."""
    seconds: float
    """In the agent."""


def imagined_steps(agent: Agent, batch: ImaginedBatch, limit: int, deterministic: bool) -> Iterator[ImaginedStep]:
    """The first episode of each element of a batch, until all have ended or `limit` steps are done.

    Args:
        agent: acts by what the imagined environment shows.
        batch: seeded; restarted here.
        limit: steps at most.
        deterministic: whether a stochastic policy takes its mode.
    """
    running = np.ones(batch.size, dtype=bool)
    begins, state = running, None
    batch.restart()
    for _ in range(limit):
        observation: Any = batch.observations()
        began = time.perf_counter()
        actions, state = agent.predict(observation, state, begins, deterministic)
        seconds = time.perf_counter() - began
        outcome = batch.step(actions)
        yield ImaginedStep(outcome, running, seconds)
        begins = outcome.done
        running = running & ~begins
        if not running.any():
            return
        if begins.any():
            # What has ended would wander off for the rest of the time; begun anew it stays within the data.
            batch.restart(begins)
