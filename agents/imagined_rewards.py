"""What an agent earns in a world model, step by step."""

from __future__ import annotations

import numpy as np
import torch

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.imagined_steps import imagined_steps
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
        rewards = np.zeros((episodes, limit))
        for index, step in enumerate(imagined_steps(agent, batch, limit, deterministic)):
            rewards[:, index] = np.where(step.running, step.outcome.rewards, 0.0)
    return rewards
