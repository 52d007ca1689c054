"""How an agent does in a learned world model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbrl_mts3.agents.agent import Agent
from mbrl_mts3.agents.evaluation_result import EvaluationResult
from mbrl_mts3.agents.imagined_steps import ImaginedStep, imagined_steps
from mbrl_mts3.envs.world_model.dynamics import WorldModelDynamics
from mbrl_mts3.envs.world_model.imagined_batch import ImaginedBatch
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

    The agent sees what the dynamics show, and is called with deterministic=True. Where an episode has ended others
    follow, which do not count, until the last one has.

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
    limit = max_steps or dynamics.max_episode_steps or _LONGEST
    batch = ImaginedBatch(dynamics, episodes)
    batch.seed(seed)
    steps = list(imagined_steps(agent, batch, limit, deterministic=True))
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
        parallel=episodes,
    )


def _successes(steps: Sequence[ImaginedStep], running: np.ndarray) -> np.ndarray | None:
    if "success" not in steps[0].outcome.infos:
        return None
    reached = np.stack([step.outcome.infos["success"] for step in steps])
    return np.asarray((reached & running).any(axis=0))
