"""Films of episodes, at a speed that can be watched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.video import record_frames
from mbrl_mts3.reporting.animation import write_gif

# Faster ones are not seen.
_FRAMES_PER_SECOND = 20


def write_film(
    path: Path, agent: Agent, environment: gymnasium.Env[Any, Any], seed: int, max_episode_steps: int
) -> Path:
    """Let an agent act for an episode and write what is seen as a GIF.

    Args:
        environment: renders frames, see `make_rendered_environment`.
        seed: of its reset.
        max_episode_steps: ends the film earlier than the environment would.
    """
    speed = float(environment.metadata["render_fps"])
    every = max(1, round(speed / _FRAMES_PER_SECOND))
    frames = record_frames(agent, environment, seed, max_episode_steps=max_episode_steps, every=every)
    return write_gif(path, frames, speed / every)
