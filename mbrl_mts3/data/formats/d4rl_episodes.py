"""Cuts rows of D4RL's layout into episodes, and detects which step their rewards belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.d4rl_arrays import D4RLArrays
from mbrl_mts3.data.formats.d4rl_catalogue import D4RLInfo
from mbrl_mts3.errors import DataError

# Largest share of rows at which episodes may end unmarked; with more, rows are not in the order of time.
_BREAKS = 0.1
# Rows compared at once, to save memory.
_PIECE = 100_000


def episode_ends(arrays: D4RLArrays, max_steps: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Find the last row of each episode, (N,) bool, and return notes on how it was done.

    Ends are terminal rows and timeouts. Without timeouts, and where neither is ever set, an episode also ends after
    `max_steps` rows. Where next_observations differ from the next row the data breaks off unmarked, and an episode
    ends there as well.

    Args:
        max_steps: the environment's limit; None where every end is terminal.

    Raises:
        DataError: no row is marked and there is no limit, or next_observations hardly ever match the next row.
    """
    notes = []
    ends = arrays.terminals.copy() if arrays.timeouts is None else arrays.terminals | arrays.timeouts
    if max_steps is not None and (arrays.timeouts is None or not ends.any()):
        ends = _cut(ends, max_steps)
        notes.append(f"No timeouts are marked: episodes are cut at the environment's limit of {max_steps} steps.")
    elif arrays.timeouts is None and not ends.any():
        raise DataError(
            "no row is terminal and there are no timeouts, so where episodes end is not known: say which D4RL data set "
            'the file is like, as in "file.hdf5@halfcheetah-medium-v2"'
        )
    if arrays.next_observations is not None:
        breaks = _breaks(arrays.observations, arrays.next_observations) & ~ends
        if breaks.mean() > _BREAKS:
            raise DataError(
                f"next_observations differ from the next row at {breaks.sum():,} of {len(arrays):,} rows: the rows are "
                "not in the order of time, which sequence models need"
            )
        if breaks.any():
            ends |= breaks
            notes.append(f"Episodes break off at {breaks.sum():,} unmarked rows: next_observations differ there.")
    ends[-1] = True
    return ends, tuple(notes)


def cut_episodes(arrays: D4RLArrays, ends: np.ndarray, *, shifted: bool) -> tuple[tuple[RawEpisode, ...], int]:
    """Cut rows into episodes at `ends`; returns the episodes, and how many rows became no transition.

    With next_observations each of an episode's n rows is a transition. Without, the last one is not: its next row
    belongs to another episode. With `shifted` rewards it is not either, since its reward is not stored. An episode
    that lost its last row ends truncated, whatever was marked there.

    Args:
        ends: (N,) bool, see `episode_ends`.
        shifted: rewards[t] belongs to observations[t], and so pays the transition of row t - 1.
    """
    stops = np.flatnonzero(ends) + 1
    starts = np.concatenate([[0], stops[:-1]])
    found = [
        _episode(arrays, number, int(start), int(stop), shifted)
        for number, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]
    episodes = tuple(episode for episode in found if len(episode) > 0)
    return episodes, len(arrays) - sum(len(episode) for episode in episodes)


def _episode(arrays: D4RLArrays, number: int, start: int, stop: int, shifted: bool) -> RawEpisode:
    following = arrays.next_observations
    complete = following is not None and not shifted
    steps = stop - start if complete else stop - start - 1
    observations = arrays.observations[start:stop]
    if following is not None and complete:
        observations = np.concatenate([observations, following[stop - 1 : stop]])
    terminations, truncations = np.zeros((2, steps), np.bool_)
    if complete:
        terminations[-1] = arrays.terminals[stop - 1]
        truncations[-1] = arrays.timeouts is not None and arrays.timeouts[stop - 1]
    truncations[-1:] |= ~terminations[-1:]
    first = start + shifted
    return RawEpisode(
        observations=observations,
        actions=arrays.actions[start : start + steps],
        rewards=arrays.rewards[first : first + steps],
        terminations=terminations,
        truncations=truncations,
        infos={name: _info(arrays, name, number, start, stop) for name in arrays.infos},
    )


def _info(arrays: D4RLArrays, name: str, number: int, start: int, stop: int) -> np.ndarray:
    rows = arrays.infos[name][start:stop]
    last = arrays.last_infos.get(name)
    return rows if last is None else np.concatenate([rows, last[number : number + 1]])


def _cut(ends: np.ndarray, max_steps: int) -> np.ndarray:
    """Add an end every `max_steps` rows after the end before."""
    rows = np.arange(len(ends))
    # Rows since the last end: each row's own number less that of the first row after the last end.
    first = np.where(np.concatenate([[True], ends[:-1]]), rows, 0)
    age: np.ndarray = rows - np.maximum.accumulate(first)
    further: np.ndarray = ends | (age % max_steps == max_steps - 1)
    return further


def _breaks(observations: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Rows, (N,) bool, whose next observation is not the observation of the next row."""
    found = np.zeros(len(observations), np.bool_)
    for first in range(0, len(found) - 1, _PIECE):
        rows = slice(first, min(first + _PIECE, len(found) - 1))
        after = observations[rows.start + 1 : rows.stop + 1]
        found[rows] = ~np.isclose(following[rows], after, rtol=1e-5, atol=1e-6, equal_nan=True).all(axis=1)
    return found


MAZE_RADIUS = 0.5
# Indices of a kitchen's tasks in the 30 positions, and in the goal after them (D4RL's kitchen_envs.py).
KITCHEN_TASKS = {
    "bottom burner": (11, 12),
    "top burner": (15, 16),
    "light switch": (17, 18),
    "slide cabinet": (19,),
    "hinge cabinet": (20, 21),
    "microwave": (22,),
    "kettle": (23, 24, 25, 26, 27, 28, 29),
}
KITCHEN_THRESHOLD = 0.3
_TOLERANCE = 1e-5
# Largest share of rows that the right rule may get wrong (rounding at the edge of a radius).
_WRONG = 0.02


@dataclass(frozen=True)
class RewardTiming:
    """Result of a comparison of the stored rewards with the task's own rule."""

    rule: str
    """The rule in words: the one that fits best, among those possible for the data."""
    of_observation: float
    """Share of rows whose reward is not the rule's value of that row's observation."""
    of_next: float
    """Share of rows whose reward is not the rule's value of the observation that follows."""

    @property
    def found(self) -> str:
        """ "observation", "transition" (the observation that follows), or "unknown" where the data does not show it."""
        best, other = sorted((self.of_observation, self.of_next))
        if best > _WRONG or other <= 3 * best:
            return "unknown"
        return "observation" if self.of_observation < self.of_next else "transition"

    def __str__(self) -> str:
        shares = f"{1 - self.of_observation:.2%} of the rows, of the next observations at {1 - self.of_next:.2%}"
        return f"rewards equal {self.rule} of their row's observation at {shares}"


def detect_reward_timing(arrays: D4RLArrays, ends: Array, info: D4RLInfo | None = None) -> RewardTiming | None:
    """Compare the rewards of mazes and kitchens with their rule; None where no rule is known.

    Args:
        ends: (N,) bool, the last rows of episodes.
        info: of the data set, for the goal of a maze; without it infos/goal alone is tried.
    """
    inside = np.flatnonzero(~ends)
    if len(inside) == 0:
        return None
    compared = []
    for rule, values in _rules(arrays, info):
        own, following = (
            float((np.abs(values[inside + late] - arrays.rewards[inside]) > _TOLERANCE).mean()) for late in (0, 1)
        )
        compared.append(RewardTiming(rule, own, following))
    return min(compared, key=lambda timing: min(timing.of_observation, timing.of_next), default=None)


def _rules(arrays: D4RLArrays, info: D4RLInfo | None) -> Iterator[tuple[str, Array]]:
    """Rewards of each row's observation, by all rules that are possible for the data."""
    size = arrays.observations.shape[1]
    if size == 60 and (info is None or info.name.startswith("kitchen")):
        yield "the number of kitchen tasks done", _tasks_done(arrays.observations)
    if size == 4 and (info is None or info.goal is not None):
        goals: dict[str, Array] = {}
        if info is not None and info.goal is not None:
            goals[f"the maze's goal {info.goal}"] = np.array(info.goal)
        if "goal" in arrays.infos and arrays.infos["goal"].shape == (len(arrays), 2):
            goals["infos/goal"] = arrays.infos["goal"]
        for name, goal in goals.items():
            distance = np.linalg.norm(arrays.observations[:, :2].astype(np.float64) - goal, axis=1)
            yield f"the sparse reward (radius {MAZE_RADIUS}) about {name}", (distance <= MAZE_RADIUS).astype(float)
            yield f"the dense reward about {name}", np.exp(-distance)


def _tasks_done(observations: Array) -> Array:
    """Number of tasks whose objects are within the threshold of their goals; a goal of zeros counts as none."""
    done = np.zeros(len(observations))
    for places in KITCHEN_TASKS.values():
        columns = np.array(places)
        goal = observations[:, 30 + columns].astype(np.float64)
        distance = np.linalg.norm(observations[:, columns] - goal, axis=1)
        done += (distance < KITCHEN_THRESHOLD) & goal.any(axis=1)
    return done
