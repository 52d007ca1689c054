"""Checks of rewards: their scale, and the reward functions of HalfCheetah and FrankaKitchen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.finding import Finding, first_place
from mbrl_mts3.data.checks.maze import MazeEpisode, timing_votes
from mbrl_mts3.data.checks.statistics import DatasetStatistics
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observations import main_observation
from mbrl_mts3.wording import counted


def check_reward_scale(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of the reward scale: constant rewards, and values that a maze cannot give."""
    moments = statistics.rewards
    if moments.count == 0:
        return
    low, high = float(moments.low), float(moments.high)
    if moments.count > 1 and low == high:
        yield Finding(
            "warning",
            "constant-rewards",
            f"every reward is {low:.4g}",
            "No reward can be learned from them; this does not matter for tasks that compute the reward",
        )
    env_id = statistics.dataset.env_id or ""
    if "PointMaze" not in env_id and "maze2d" not in env_id.lower():
        return
    values = statistics.reward_values
    dense = bool((values > 0).all() and (values <= 1).all())
    if not np.isin(values, (0.0, 1.0)).all() and not dense:
        yield Finding(
            "error",
            "reward-scale",
            f"rewards lie between {low:.4g} and {high:.4g}; a maze pays 0 or 1, or exp(-distance)",
            "Undo the change of their scale, or recompute them from the positions",
        )


_SPEED = "v_rootx"
# With fewer steps, or less variation of speed (m/s), the fit is not reliable.
_STEPS, _VARIATION = 50, 0.2
# The speed in an observation is of one moment, the reward's an average over a step.
_FACTOR = (0.7, 1.4)


def speed_fit(speeds: Array, effort: Array, rewards: Array) -> tuple[float, float]:
    """Factor and explained share (R^2) of the least-squares fit r = factor speed - c effort + b; all (n,)."""
    design = np.stack([speeds, effort, np.ones_like(speeds)], axis=1)
    solution, *_ = np.linalg.lstsq(design, rewards, rcond=None)
    rest = rewards - design @ solution
    return float(solution[0]), 1.0 - float(rest.var() / max(rewards.var(), 1e-12))


def check_locomotion_rewards(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of HalfCheetah's rewards: r_t is the mean speed from o_t to o_{t+1} less 0.1 of the squared actions.

    Their scale and their step are tested. Source: Gymnasium's half_cheetah_v5. The mean speed is approximated by the
    mean of the speeds at both ends.
    """
    env_id = statistics.dataset.env_id or ""
    observations = main_observation(episode.observations).astype(np.float64)
    names = known_names(env_id, observations.shape[1])
    if "halfcheetah" not in env_id.lower() or names is None or len(episode) < _STEPS:
        return
    speed = observations[:, names.index(_SPEED)]
    rewards = np.asarray(episode.rewards, np.float64).reshape(-1)
    effort = np.square(episode.actions.astype(np.float64)).sum(axis=1)
    if not np.isfinite(rewards).all() or not np.isfinite(observations).all() or speed.std() < _VARIATION:
        return
    middle = (speed[1:] + speed[:-1]) / 2
    # Of the same steps 1..T-2, so that all three fits can be compared.
    fits = {lag: speed_fit(middle[1 + lag : len(middle) - 1 + lag], effort[1:-1], rewards[1:-1]) for lag in (-1, 0, 1)}
    factor, share = fits[0]
    best = max(fits, key=lambda lag: fits[lag][1])
    expected = float(statistics.dataset.env_options.get("forward_reward_weight", 1.0))
    if best != 0 and fits[best][1] > 0.9 and fits[best][1] - share > 0.1:
        yield Finding(
            "error",
            "reward-timing",
            f"rewards fit the speed of {abs(best)} step {'before' if best < 0 else 'after'} "
            f"(R^2 {fits[best][1]:.2f}), not that of their own step (R^2 {share:.2f})",
            "Shift the rewards",
            episode.episode_id,
        )
    elif share > 0.5 and not _FACTOR[0] < factor / expected < _FACTOR[1]:
        yield Finding(
            "error",
            "reward-scale",
            f"rewards are {factor:.3g} times the forward speed, the environment pays {expected:.3g} times",
            "Undo the scaling, or never compare returns with the environment's",
            episode.episode_id,
        )


Meaning = Literal["increments", "counts", "unclear", "neither"]

# Number of tasks in FrankaKitchen-v1.
_TASKS = 7


def reward_meaning(rewards: Array) -> Meaning:
    """The meaning of the rewards (T,) of a kitchen episode.

    "increments": +1 for each newly finished task, then 0. "counts": how many tasks are done at each step, so that a
    finished task pays again and again. "unclear": no task was finished, or only at the last step. "neither": other
    values.
    """
    values = np.asarray(rewards, np.float64).reshape(-1)
    if not (np.isin(values, np.arange(_TASKS + 1)).all() and np.isfinite(values).all()):
        return "neither"
    if not values[:-1].any():
        return "unclear"
    # A count stays up; as increments they would be more tasks than there are.
    first = int(np.argmax(values > 0))
    return "counts" if (values[first:] > 0).mean() > 0.5 or values.sum() > _TASKS else "increments"


def check_kitchen_rewards(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of kitchen rewards: D4RL counts the tasks done now, the environment pays once for each new one."""
    if "kitchen" not in (statistics.dataset.env_id or "").lower():
        return
    meaning, values = reward_meaning(episode.rewards), episode.rewards.reshape(-1)
    if meaning == "counts":
        yield Finding(
            "warning",
            "kitchen-rewards",
            "rewards count the tasks that are done at each step (D4RL), FrankaKitchen-v1 pays +1 once for each new one",
            "Do not compare returns with the environment's; take the differences of the rewards for those",
            *first_place(episode, values > 0),
        )
    elif meaning == "neither":
        yield Finding(
            "error",
            "kitchen-rewards",
            f"rewards are no numbers of tasks: {float(values.min()):.4g} to {float(values.max()):.4g}",
            "Find out what they mean",
            episode.episode_id,
        )


def describe_rewards(statistics: DatasetStatistics) -> dict[str, str]:
    """Describe in words what rewards mean; empty where the environment is not known."""
    env_id = (statistics.dataset.env_id or "").lower()
    if "kitchen" in env_id:
        return _kitchen(statistics)
    return _maze(statistics) if "maze" in env_id else {}


def _kitchen(statistics: DatasetStatistics) -> dict[str, str]:
    found = Counter(reward_meaning(episode.rewards) for episode in statistics.dataset.read())
    names = {
        "increments": "+1 once for each newly finished task",
        "counts": "number of tasks that are done at each step",
        "unclear": "no task finished before the last step",
        "neither": "no numbers of tasks",
    }
    return {"meaning": "; ".join(f"{names[name]}: {counted(count, 'episode')}" for name, count in found.most_common())}


def _maze(statistics: DatasetStatistics) -> dict[str, str]:
    early = right = 0
    kinds = set()
    for episode in statistics.dataset.read():
        maze = MazeEpisode.from_raw(episode, statistics)
        if maze is not None:
            votes = timing_votes(maze)
            early, right = early + votes[0], right + votes[1]
            kinds.add(f"{'0 or 1, within' if maze.sparse else 'exp(-distance); success within'} {maze.radius} m")
    if not kinds:
        return {"timing": "not known: the data has no goals"}
    verdict = "r[t] belongs to o[t+1]" if right > early else "r[t] belongs to o[t]"
    timing = f"{verdict} ({right} steps say o[t+1], {early} say o[t])" if early + right else "no step decides"
    return {"timing": timing, "meaning": ", ".join(sorted(kinds))}
