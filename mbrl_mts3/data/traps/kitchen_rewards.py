"""FrankaKitchen's rewards have two meanings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

Array = np.ndarray[Any, np.dtype[Any]]
Meaning = Literal["increments", "counts", "unclear", "neither"]

# FrankaKitchen-v1 knows so many tasks.
_TASKS = 7


def reward_meaning(rewards: Array) -> Meaning:
    """What rewards (T,) of an episode stand for.

    "increments": +1 for each newly finished task, then 0. "counts": how many tasks are done at each step, so that a
    finished task pays again and again. "unclear": no task was finished, or only at the last step. "neither": other
    values.
    """
    values = np.asarray(rewards, np.float64).reshape(-1)
    if not (np.isin(values, np.arange(_TASKS + 1)).all() and np.isfinite(values).all()):
        return "neither"
    if not values[:-1].any():
        return "unclear"
    # A count stays up; as increments, so many would be more tasks than there are.
    first = int(np.argmax(values > 0))
    return "counts" if (values[first:] > 0).mean() > 0.5 or values.sum() > _TASKS else "increments"


def kitchen_rewards(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """D4RL's files count the tasks that are done now; the environment pays once for each new one."""
    if "kitchen" not in (survey.dataset.env_id or "").lower():
        return
    meaning, values = reward_meaning(episode.rewards), episode.rewards.reshape(-1)
    if meaning == "counts":
        yield Finding(
            "warning",
            "kitchen-rewards",
            "rewards count the tasks that are done at each step (D4RL), FrankaKitchen-v1 pays +1 once for each new one",
            "Do not compare returns with the environment's; take the differences of the rewards for those",
            episode.episode_id,
            int(np.argmax(values > 0)),
        )
    elif meaning == "neither":
        yield Finding(
            "error",
            "kitchen-rewards",
            f"rewards are no numbers of tasks: {float(values.min()):.4g} to {float(values.max()):.4g}",
            "Find out what they stand for",
            episode.episode_id,
        )
