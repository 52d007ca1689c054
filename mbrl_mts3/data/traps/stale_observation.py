"""Observations that a maze's generator forgot to renew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mbrl_mts3.data.observation_leaves import main_observation
from mbrl_mts3.data.raw_episode import RawEpisode
from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

Array = np.ndarray[Any, np.dtype[Any]]

# m and m/s: above the rounding of float32 in the largest maze, below any motion.
_SAME = 1e-5
# Share of the steps whose change of velocity is ordinary; the others hit walls.
_ORDINARY = 0.99


def stale_observation(episode: RawEpisode, survey: Survey) -> Iterator[Finding]:
    """D4RL's maze2d: the row behind a switch of the target repeats the observation before it.

    Its generator (generate_maze2d_datasets.py) steps the simulator, draws a new target where the old one was reached,
    and then goes on with the observation of before that step. Action and reward of the row belong to the observation
    that is stored, the next row to the state that is not: two steps of the simulator in one transition. Where the
    switches are marked as timeouts, these rows are the first of their episodes.
    """
    if "maze" not in (survey.dataset.env_id or "").lower():
        return
    states = main_observation(episode.observations).astype(np.float64)
    if states.shape[1] != 4 or len(states) < 2:
        return
    rows = np.flatnonzero(stale_rows(states, episode.infos))
    if len(rows):
        yield Finding(
            "warning",
            "stale-observation",
            f"the observation is that of the step before at {len(rows)} rows, while the simulator had gone on: a "
            "transition without motion ends there, one of two steps begins",
            "Leave out the transitions that begin or end there, or take the state from infos/qpos and infos/qvel",
            episode.episode_id,
            int(rows[0]),
        )


def stale_rows(states: Array, infos: Mapping[str, Array]) -> Array:
    """(T + 1,) bool: rows that hold the state of the step before.

    Three signs, any of which is enough: a row repeats the one before it although the point moves; the step that leaves
    a row goes farther than its velocity, by what a step between would; the simulator's own state, where the data has
    it, is another. The last two are of no use where most rows show them: positions that are not x' = x + dt v', the
    simulator's rule, or infos of another time.

    Args:
        states: (T + 1, 4), float64: x, y, vx, vy.
        infos: "qpos" and "qvel", (T or T + 1, 2), if they are known.
    """
    repeats = (states[1:] == states[:-1]).all(axis=1) & (np.abs(states[1:, 2:]) > _SAME).any(axis=1)
    stale: Array = np.append(False, repeats) | np.append(_steps_of_two(states), False)
    if all(name in infos and infos[name].shape[1:] == (2,) for name in ("qpos", "qvel")):
        true = np.concatenate([infos["qpos"], infos["qvel"]], axis=1)[: len(states)]
        errors = np.abs(states[: len(true)] - true).max(axis=1)
        if np.median(errors) <= _SAME:
            stale[: len(true)] |= errors > _SAME
    return stale


def _steps_of_two(states: Array) -> Array:
    """(T,) bool: the step x' - x is dt (w + v'), where w, of the state between, is as near to v and v' as steps go."""
    moved, before, after = np.diff(states[:, :2], axis=0), states[:-1, 2:], states[1:, 2:]
    speeds = (after**2).sum(axis=1)
    moving = speeds > _SAME
    if not moving.any():
        return np.zeros(len(moved), np.bool_)
    time_step = float(np.median((moved * after).sum(axis=1)[moving] / speeds[moving]))
    rest = moved - time_step * after
    lengths = np.linalg.norm(rest, axis=1)
    if not np.median(lengths) <= _SAME:
        return np.zeros(len(moved), np.bool_)
    ordinary = float(np.quantile(np.linalg.norm(after - before, axis=1), _ORDINARY))
    unlike = np.linalg.norm(rest - time_step * (before + after) / 2, axis=1)
    result: Array = (lengths > _SAME) & (unlike <= abs(time_step) * ordinary)
    return result
