"""Letting an agent act in a world model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.imagined_batch import ImaginedBatch
from mbrl_mts3.errors import ConfigurationError


def imagined_rewards(
    agent: Agent,
    dynamics: WorldModelDynamics,
    episodes: int,
    *,
    steps: int | None = None,
    seed: int = 0,
    deterministic: bool = True,
) -> np.ndarray:
    """The rewards of imagined episodes, all side by side.

    Args:
        agent: acts by what the imagined environment shows.
        dynamics: where episodes start, what is drawn and what is paid is decided there.
        episodes: N.
        steps: of each episode; None takes the time limit of the dynamics. An episode that ends earlier earns nothing
            more.
        seed: of starts and draws, so that policies can be compared on equal ones.
        deterministic: whether a stochastic policy takes its mode.

    Returns:
        (N, steps), float64.

    Raises:
        ConfigurationError: no episodes or steps, or no limit where `steps` is None.
        NonFiniteError: what is imagined is NaN or infinite.
    """
    limit = dynamics.max_episode_steps if steps is None else steps
    if limit is None:
        raise ConfigurationError("the imagined environment has no time limit: say how many steps an episode has")
    if limit < 1:
        raise ConfigurationError(f"expected at least one step, got {limit}")
    batch = ImaginedBatch(dynamics, episodes)
    batch.seed(seed)
    # Policies of Stable-Baselines3 draw from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _roll_out(agent, batch, limit, deterministic)


def _roll_out(agent: Agent, batch: ImaginedBatch, limit: int, deterministic: bool) -> np.ndarray:
    rewards = np.zeros((batch.size, limit))
    alive = np.ones(batch.size, dtype=bool)
    start, state = alive.copy(), None
    batch.restart()
    for step in range(limit):
        observation: Any = batch.observations()
        actions, state = agent.predict(observation, state, start, deterministic)
        outcome = batch.step(actions)
        rewards[:, step] = np.where(alive, outcome.rewards, 0.0)
        start = outcome.done
        alive &= ~outcome.done
        if not alive.any():
            break
        if start.any():
            # What has ended would wander off for the rest of the time; begun anew it stays within the data.
            batch.restart(start)
    return rewards
