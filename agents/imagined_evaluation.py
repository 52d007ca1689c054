"""Evaluation of agents and policies inside a world model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.evaluation import EvaluationResult, evaluate_agent
from mbrl_mts3.array_types import BoolArray
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.environments import ImaginedEpisodes
from mbrl_mts3.envs.world_model.state import ImaginedStepResult
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.policy_value import PolicyValue, discounted_returns

# Without a limit of its own an imagined episode might never end.
_LONGEST = 1000


def evaluate_imagined(
    agent: Agent,
    dynamics: WorldModelDynamics,
    episodes: int,
    *,
    seed: int = 0,
    max_episode_steps: int | None = None,
) -> EvaluationResult:
    """Imagine episodes side by side, one call of agent and model for all; the sibling of `evaluate_agent`.

    The agent sees what the dynamics show, and is called with deterministic=True. Where an episode has ended others
    follow, which do not count, until the last one has.

    Args:
        agent: anything with Stable-Baselines3's `predict`.
        dynamics: `load_dynamics` makes it from a checkpoint and a data set; its starts are the episodes' starts.
        episodes: how many.
        seed: of the starts and of what is sampled; all episodes share it.
        max_episode_steps: ends an episode earlier than the dynamics would; 1,000 where they have no limit.

    Raises:
        ConfigurationError: fewer than one episode or step.
        NonFiniteError: what is imagined is NaN or infinite.
    """
    if episodes < 1 or (max_episode_steps is not None and max_episode_steps < 1):
        raise ConfigurationError(f"expected at least one episode and step, got {episodes} and {max_episode_steps}")
    limit = max_episode_steps or dynamics.max_episode_steps or _LONGEST
    batch = ImaginedEpisodes(dynamics, episodes)
    batch.seed(seed)
    steps = list(iterate_imagined_steps(agent, batch, limit, deterministic=True))
    running = np.stack([step.running for step in steps])
    rewards = np.stack([step.outcome.rewards for step in steps])
    seconds = sum(step.seconds for step in steps)
    return EvaluationResult(
        seeds=(seed,) * episodes,
        returns=np.where(running, rewards, 0.0).sum(axis=0),
        lengths=running.sum(axis=0),
        successes=_successes(steps, running),
        seconds_per_action=seconds / int(running.sum()),
        seconds_per_decision=seconds / len(steps),
        num_envs=episodes,
    )


def _successes(steps: Sequence[ImaginedStep], running: np.ndarray) -> np.ndarray | None:
    if "success" not in steps[0].outcome.infos:
        return None
    reached = np.stack([step.outcome.infos["success"] for step in steps])
    return np.asarray((reached & running).any(axis=0))


def collect_imagined_rewards(
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
        dynamics: where episodes start, what is sampled and what is paid is decided there.
        episodes: N.
        steps: of each episode; None takes the time limit of the dynamics. An episode that ends earlier earns nothing
            more.
        seed: of starts and samples, so that policies can be compared on equal ones.
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
    batch = ImaginedEpisodes(dynamics, episodes)
    batch.seed(seed)
    # Policies of Stable-Baselines3 sample from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rewards = np.zeros((episodes, limit))
        for index, step in enumerate(iterate_imagined_steps(agent, batch, limit, deterministic)):
            rewards[:, index] = np.where(step.running, step.outcome.rewards, 0.0)
    return rewards


@dataclass(frozen=True)
class ImaginedStep:
    """One step of B imagined episodes."""

    outcome: ImaginedStepResult
    running: BoolArray
    """(B,): where the first episode had not ended before."""
    seconds: float
    """In the agent."""


def iterate_imagined_steps(
    agent: Agent, batch: ImaginedEpisodes, limit: int, deterministic: bool
) -> Iterator[ImaginedStep]:
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
    num_envs: int = 10,
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
        num_envs: real environments that run together.

    Raises:
        ConfigurationError, NonFiniteError: as `collect_imagined_rewards` and `evaluate_agent` do.
    """
    rewards = collect_imagined_rewards(agent, dynamics, episodes, steps=horizon, seed=seed)
    imagined = discounted_returns(rewards, discount)
    if not real_seeds or make_environment is None:
        return PolicyValue(name, imagined)
    result = evaluate_agent(agent, make_environment, real_seeds, num_envs=num_envs, record=True)
    steps = rewards.shape[1]
    real = [float(discounted_returns(episode.rewards, discount, steps)) for episode in result.episodes]
    return PolicyValue(name, imagined, np.array(real), result.returns)
