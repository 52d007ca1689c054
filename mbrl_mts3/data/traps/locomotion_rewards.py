"""HalfCheetah's rewards follow from speed and action; data may hold other ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mbrl_mts3.data.observation_leaves import main_observation
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

Array = np.ndarray[Any, np.dtype[Any]]

_SPEED = "v_rootx"
# Fewer steps, or less variation of speed (m/s), decide nothing.
_STEPS, _VARIATION = 50, 0.2
# The speed in an observation is of one moment, the reward's an average over a step.
_FACTOR = (0.7, 1.4)


def speed_fit(speeds: Array, effort: Array, rewards: Array) -> tuple[float, float]:
    """Factor and explained share (R^2) of the least-squares fit r = factor speed - c effort + b; all (n,)."""
    design = np.stack([speeds, effort, np.ones_like(speeds)], axis=1)
    solution, *_ = np.linalg.lstsq(design, rewards, rcond=None)
    rest = rewards - design @ solution
    return float(solution[0]), 1.0 - float(rest.var() / max(rewards.var(), 1e-12))


def locomotion_rewards(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """r_t is the mean speed between o_t and o_{t+1} less 0.1 of the squared actions: its scale and its step are tested.

    Source: Gymnasium's half_cheetah_v5. The mean speed is approximated by that of the speeds at both ends.
    """
    env_id = survey.dataset.env_id or ""
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
    expected = float(survey.dataset.env_options.get("forward_reward_weight", 1.0))
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
