"""Recording of an episode as rendered frames."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from mbrl_mts3.agents.base import Agent, SeededAgent
from mbrl_mts3.data.observations import stack_observations
from mbrl_mts3.errors import ConfigurationError


def record_frames(
    agent: Agent, environment: gymnasium.Env[Any, Any], seed: int, *, max_episode_steps: int = 200, every: int = 1
) -> list[np.ndarray]:
    """Frames (height, width, 3) of one episode, from its start to its end.

    Args:
        agent: anything with Stable-Baselines3's `predict`; called with deterministic=True.
        environment: real or imagined, made with render_mode="rgb_array".
        seed: of the environment's reset.
        max_episode_steps: ends the film earlier than the environment would.
        every: a frame for each so many steps, the first and the last always.

    Raises:
        ConfigurationError: fewer than one step.
    """
    if max_episode_steps < 1 or every < 1:
        raise ConfigurationError(
            f"expected at least one step, got max_episode_steps={max_episode_steps} and every={every}"
        )
    observation, _ = environment.reset(seed=seed)
    frames, state, start = [_frame(environment)], None, np.ones(1, dtype=bool)
    # So the film shows the episode that an evaluation has of this seed.
    seeds: dict[str, Any] = {"seeds": np.array([seed])} if isinstance(agent, SeededAgent) else {}
    for step in range(1, max_episode_steps + 1):
        actions, state = agent.predict(stack_observations([observation]), state, start, deterministic=True, **seeds)
        start = np.zeros(1, dtype=bool)
        observation, _, terminated, truncated, _ = environment.step(actions[0])
        last = terminated or truncated or step == max_episode_steps
        if last or step % every == 0:
            frames.append(_frame(environment))
        if last:
            break
    return frames


def _frame(environment: gymnasium.Env[Any, Any]) -> np.ndarray:
    return np.array(environment.render(), dtype=np.uint8)
