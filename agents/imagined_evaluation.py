"""Letting an agent act in a learned world model."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.evaluation_result import EvaluationResult
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.world_model_vector_env import WorldModelVectorEnv
from mbrl_mts3.errors import ConfigurationError

# Without a limit of its own an imagined episode might never end.
_LONGEST = 1000


def evaluate_imagined(
    agent: Agent,
    dynamics: WorldModelDynamics,
    episodes: int,
    *,
    seed: int = 0,
    max_steps: int | None = None,
) -> EvaluationResult:
    """Imagine episodes side by side, one call of agent and model for all; the sibling of `evaluate_agent`.

    The agent sees what the dynamics show, and is called with deterministic=True. Episodes that have ended idle until
    the last one has.

    Args:
        agent: anything with Stable-Baselines3's `predict`.
        dynamics: `load_dynamics` makes it from a checkpoint and a data set; its starts are the episodes' starts.
        episodes: how many.
        seed: of the starts and of what is drawn; all episodes share it.
        max_steps: ends an episode earlier than the dynamics would; 1,000 where they have no limit.

    Raises:
        ConfigurationError: fewer than one episode or step.
        NonFiniteError: what is imagined is NaN or infinite.
    """
    if episodes < 1 or (max_steps is not None and max_steps < 1):
        raise ConfigurationError(f"expected at least one episode and step, got {episodes} and {max_steps}")
    if max_steps is None and dynamics.max_episode_steps is None:
        max_steps = _LONGEST
    run = _Run(agent, WorldModelVectorEnv(dynamics, episodes), seed)
    while run.running.any() and (max_steps is None or run.steps < max_steps):
        run.step()
    return run.result((seed,) * episodes)


class _Run:
    """The first episode of each environment."""

    def __init__(self, agent: Agent, environment: WorldModelVectorEnv, seed: int) -> None:
        size = environment.num_envs
        self.agent, self.environment = agent, environment
        self.observation, _ = environment.reset(seed=seed)
        self.state: Any = None
        self.begins = np.ones(size, dtype=bool)
        self.ended = np.zeros(size, dtype=bool)
        self.running = np.ones(size, dtype=bool)
        self.returns = np.zeros(size)
        self.lengths = np.zeros(size, dtype=np.int64)
        self.successes = np.zeros(size, dtype=bool)
        self.knows_success = False
        self.steps = 0
        self.seconds = 0.0

    def step(self) -> None:
        began = time.perf_counter()
        actions, self.state = self.agent.predict(self.observation, self.state, self.begins, deterministic=True)
        self.seconds += time.perf_counter() - began
        self.observation, rewards, terminated, truncated, infos = self.environment.step(actions)
        self.steps += 1
        self.returns[self.running] += rewards[self.running]
        self.lengths += self.running
        if "success" in infos:
            self.knows_success = True
            self.successes |= infos["success"] & infos["_success"] & self.running
        self.running &= ~(terminated | truncated)
        # The step after the last one of an episode shows the first observation of the next.
        self.begins, self.ended = self.ended, terminated | truncated

    def result(self, seeds: tuple[int, ...]) -> EvaluationResult:
        return EvaluationResult(
            seeds=seeds,
            returns=self.returns,
            lengths=self.lengths,
            successes=self.successes if self.knows_success else None,
            seconds_per_action=self.seconds / int(self.lengths.sum()),
            seconds_per_decision=self.seconds / self.steps,
            parallel=len(seeds),
        )
