"""What policies are worth, by a model's imagination and by real episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.evaluation import evaluate_agent
from mbrl_mts3.agents.imagined_rewards import imagined_rewards
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.metrics.discounted_returns import discounted_returns
from mbrl_mts3.metrics.policy_value import PolicyValue


def evaluate_policy(
    name: str,
    agent: Agent,
    dynamics: WorldModelDynamics,
    make_environment: Callable[[], gymnasium.Env[Any, Any]] | None = None,
    *,
    episodes: int = 64,
    horizon: int | None = None,
    discount: float = 1.0,
    seed: int = 0,
    real_seeds: Sequence[int] = (),
    parallel: int = 10,
) -> PolicyValue:
    """Off-policy evaluation of one policy: its mean return in a model that was learned from other policies' data.

    Args:
        name: of the policy.
        agent: acts by its mode, in the model as in the real environment.
        dynamics: the imagined environment.
        make_environment: the real one; needed where there are seeds for it.
        episodes: imagined ones.
        horizon: steps of each; None takes whole episodes, as the time limit of the dynamics has it.
        discount: of rewards.
        seed: of the imagined episodes; the same for all policies that are to be compared.
        real_seeds: one real episode for each, whole whatever the horizon.
        parallel: real environments that run together.

    Raises:
        ConfigurationError, NonFiniteError: as `imagined_rewards` and `evaluate_agent` do.
    """
    rewards = imagined_rewards(agent, dynamics, episodes, steps=horizon, seed=seed)
    imagined = discounted_returns(rewards, discount)
    if not real_seeds or make_environment is None:
        return PolicyValue(name, imagined)
    result = evaluate_agent(agent, make_environment, real_seeds, parallel=parallel, record=True)
    steps = rewards.shape[1]
    real = [float(discounted_returns(episode.rewards, discount, steps)) for episode in result.episodes]
    return PolicyValue(name, imagined, np.array(real), result.returns)
