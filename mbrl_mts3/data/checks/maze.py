"""Checks of maze data: stale goals and observations, success radius, and the step that rewards belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.checks.finding import Finding, first_place
from mbrl_mts3.data.checks.statistics import DatasetStatistics
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.d4rl_catalogue import D4RL_DATASETS
from mbrl_mts3.data.observations import main_observation, observation_leaves
from mbrl_mts3.wording import counted


@dataclass(frozen=True)
class MazeEpisode:
    """An episode of a maze as positions, goals and rewards, whatever its layout."""

    positions: Array
    """(T + 1, 2), metres."""
    goals: Array
    """(T + 1, 2), as stored with each position."""
    rewards: Array
    """(T,)."""
    radius: float
    """Metres: within it the environment counts a goal as reached."""
    sparse: bool
    """Rewards are 0 and 1; else exp(-distance)."""

    @classmethod
    def from_raw(cls, episode: RawEpisode, statistics: DatasetStatistics) -> MazeEpisode | None:
        """Read a maze episode; None where the data is of no maze, or has no goals."""
        env_id = statistics.dataset.env_id or ""
        of_d4rl = "maze2d" in env_id.lower()
        if not of_d4rl and "PointMaze" not in env_id:
            return None
        leaves, steps = dict(observation_leaves(episode.observations)), len(episode)
        positions = leaves.get("achieved_goal", leaves.get("observation"))
        goals = _fixed_goal(env_id, steps)
        if goals is None:
            goals = leaves.get("desired_goal", episode.infos.get("goal"))
        if positions is None or goals is None or len(goals) < steps:
            return None
        if len(goals) == steps:  # D4RL stores one goal for each transition.
            goals = np.concatenate([goals, goals[-1:]])
        return cls(
            positions=np.asarray(positions[:, :2], np.float64),
            goals=np.asarray(goals, np.float64),
            rewards=np.asarray(episode.rewards, np.float64).reshape(steps),
            # D4RL's maze_model and Gymnasium-Robotics' maze_v4.
            radius=0.5 if of_d4rl else 0.45,
            sparse=bool(np.isin(statistics.reward_values, (0.0, 1.0)).all()),
        )

    def reward(self, positions: Array, goals: Array) -> Array:
        """The environment's reward (n,) at positions (n, 2) for goals (n, 2)."""
        distances = np.linalg.norm(positions - goals, axis=1)
        result: Array = (distances <= self.radius).astype(np.float64) if self.sparse else np.exp(-distances)
        return result


def _fixed_goal(env_id: str, steps: int) -> Array | None:
    """Goals (T + 1, 2) that the rewards of D4RL's mazes are about, whatever their infos/goal say."""
    info = D4RL_DATASETS.get(env_id)
    return None if info is None or info.goal is None else np.tile(np.array(info.goal), (steps + 1, 1))


def check_stale_goal(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for stale goals: the step at which a maze samples a new goal still shows the old one, already reached."""
    maze = MazeEpisode.from_raw(episode, statistics)
    if maze is None:
        return
    switches = 1 + np.flatnonzero((maze.goals[1:] != maze.goals[:-1]).any(axis=1))
    distances = np.linalg.norm(maze.positions[switches - 1] - maze.goals[switches - 1], axis=1)
    stale = switches[distances <= maze.radius] - 1
    if len(stale):
        yield Finding(
            "warning",
            "stale-goal",
            f"desired_goal shows a goal that is already reached at {len(stale)} of {len(switches)} switches: the new "
            "one comes a step late",
            "Condition policies and recomputed rewards on the goal of the step after",
            episode.episode_id,
            int(stale[0]),
        )


# m and m/s: above the rounding of float32 in the largest maze, below any motion.
_SAME_POSITION = 1e-5
# Share of the steps whose change of velocity is ordinary; the others hit walls.
_ORDINARY = 0.99


def check_stale_observation(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for repeated observations of D4RL's maze2d, in the row after a switch of the target.

    Its generator (generate_maze2d_datasets.py) steps the simulator, samples a new target where the old one was reached,
    and then goes on with the observation of before that step. Action and reward of the row belong to the observation
    that is stored, the next row to the state that is not: two steps of the simulator in one transition. Where the
    switches are marked as timeouts, these rows are the first of their episodes.
    """
    if "maze" not in (statistics.dataset.env_id or "").lower():
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
    """Which rows, (T + 1,) bool, hold the state of the step before.

    Three signs, any of which is enough: a row repeats the one before it although the point moves; the step that leaves
    a row goes farther than its velocity, by what a step between would; the simulator's own state, where the data has
    it, is another. The last two are of no use where most rows show them: positions that are not x' = x + dt v', the
    simulator's rule, or infos of another time.

    Args:
        states: (T + 1, 4), float64: x, y, vx, vy.
        infos: "qpos" and "qvel", (T or T + 1, 2), if they are known.
    """
    repeats = (states[1:] == states[:-1]).all(axis=1) & (np.abs(states[1:, 2:]) > _SAME_POSITION).any(axis=1)
    stale: Array = np.append(False, repeats) | np.append(_steps_of_two(states), False)
    if all(name in infos and infos[name].shape[1:] == (2,) for name in ("qpos", "qvel")):
        true = np.concatenate([infos["qpos"], infos["qvel"]], axis=1)[: len(states)]
        errors = np.abs(states[: len(true)] - true).max(axis=1)
        if np.median(errors) <= _SAME_POSITION:
            stale[: len(true)] |= errors > _SAME_POSITION
    return stale


def _steps_of_two(states: Array) -> Array:
    """Which steps, (T,) bool, are two: x' - x = dt (w + v') with a velocity w of the step between, near v and v'."""
    moved, before, after = np.diff(states[:, :2], axis=0), states[:-1, 2:], states[1:, 2:]
    speeds = (after**2).sum(axis=1)
    moving = speeds > _SAME_POSITION
    if not moving.any():
        return np.zeros(len(moved), np.bool_)
    time_step = float(np.median((moved * after).sum(axis=1)[moving] / speeds[moving]))
    rest = moved - time_step * after
    lengths = np.linalg.norm(rest, axis=1)
    if not np.median(lengths) <= _SAME_POSITION:
        return np.zeros(len(moved), np.bool_)
    ordinary = float(np.quantile(np.linalg.norm(after - before, axis=1), _ORDINARY))
    unlike = np.linalg.norm(rest - time_step * (before + after) / 2, axis=1)
    result: Array = (lengths > _SAME_POSITION) & (unlike <= abs(time_step) * ordinary)
    return result


_TOLERANCE = 1e-3


def check_success_radius(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of the success radius: PointMaze pays within 0.45 m of the goal, D4RL's maze2d within 0.5 m."""
    maze = MazeEpisode.from_raw(episode, statistics)
    if maze is None or not maze.sparse:
        return
    early, right = timing_votes(maze)
    positions, goals = (maze.positions[:-1], maze.goals[:-1]) if early > right else (maze.positions[1:], maze.goals[1:])
    same_goal = (maze.goals[:-1] == maze.goals[1:]).all(axis=1)
    distances, paid = np.linalg.norm(positions - goals, axis=1), maze.rewards > 0.5
    too_far = same_goal & paid & (distances > maze.radius + _TOLERANCE)
    unpaid = same_goal & ~paid & (distances < maze.radius - _TOLERANCE)
    for wrong, message in (
        (too_far, f"goals count as reached beyond {maze.radius} m, up to {distances[too_far].max(initial=0):.3f} m"),
        (unpaid, f"goals do not count as reached within {maze.radius} m, at {distances[unpaid].min(initial=9):.3f} m"),
    ):
        if wrong.any():
            yield Finding(
                "error",
                "success-radius",
                f"{message}, in {counted(int(wrong.sum()), 'step')}",
                "Recompute the rewards from the positions, or evaluate with the radius of the data",
                *first_place(episode, wrong),
            )


# Stored rewards equal the formula up to the rounding of float32.
_SAME = 1e-4


def timing_votes(maze: MazeEpisode) -> tuple[int, int]:
    """Count steps at which only r(o_t), and steps at which only r(o_{t+1}), is the stored reward r_t.

    Steps at which the goal changes are left out: there the goal's own timing would decide.
    """
    before = maze.reward(maze.positions[:-1], maze.goals[:-1])
    after = maze.reward(maze.positions[1:], maze.goals[1:])
    same_goal = (maze.goals[:-1] == maze.goals[1:]).all(axis=1)
    fits_before, fits_after = (np.abs(maze.rewards - value) < _SAME for value in (before, after))
    differ = same_goal & (np.abs(before - after) > 2 * _SAME)
    return int((differ & fits_before & ~fits_after).sum()), int((differ & fits_after & ~fits_before).sum())


def check_reward_timing(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of reward timing: mazes pay r_t for o_{t+1}, D4RL's maze2d files store it one step later."""
    maze = MazeEpisode.from_raw(episode, statistics)
    if maze is None:
        return
    early, right = timing_votes(maze)
    if early > right:
        before = maze.reward(maze.positions[:-1], maze.goals[:-1])
        after = maze.reward(maze.positions[1:], maze.goals[1:])
        yield Finding(
            "error",
            "reward-timing",
            f"rewards r[t] are those of o[t], not of o[t+1]: {early} steps say so, {right} the opposite",
            "Shift the rewards by one step to the front, or recompute them from the positions",
            *first_place(episode, np.abs(before - after) > 2 * _SAME),
        )
