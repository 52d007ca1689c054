"""Checks of arrays: shapes, types, finite values, action bounds, constant dimensions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from gymnasium import spaces

from mbrl_mts3.data.checks.finding import Finding, first_place
from mbrl_mts3.data.checks.statistics import DatasetStatistics
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.observation_names import known_names
from mbrl_mts3.data.observation_selector import MAIN_KEY, ObservationSelector
from mbrl_mts3.data.observations import FLAGS, flag_faults, length_faults, number_leaves, shape_faults
from mbrl_mts3.errors import DataError

_ADVICE = "Write the episode again, or drop it"


def check_layout(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of shapes: T actions need T + 1 observations, T rewards and flags, as the spaces say."""
    steps = len(episode)
    if steps == 0:
        advice = "It is left out when the data is loaded; drop it"
        yield Finding("warning", "empty-episode", "an episode holds no step", advice, episode.episode_id)
        return
    wrong = length_faults(episode)
    if wrong:
        message = f"{steps} actions need {steps + 1} observations, {steps} rewards and flags; found {', '.join(wrong)}"
        yield Finding("error", "unequal-lengths", message, _ADVICE, episode.episode_id)
        return
    wrong = shape_faults(episode, statistics.dataset.observation_space, statistics.dataset.action_space)
    if wrong:
        yield Finding("error", "wrong-shape", "; ".join(wrong), _ADVICE, episode.episode_id)


def check_flags(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of end flags: loading refuses what is neither 0 nor 1."""
    wrong = flag_faults(episode)
    if wrong:
        yield Finding("error", "flag-values", "; ".join(wrong), _ADVICE, episode.episode_id)


def check_spaces(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of the spaces: loading refuses actions and observations that no model can take."""
    dataset = statistics.dataset
    actions = dataset.action_space
    if not isinstance(actions, spaces.Box) or len(actions.shape) != 1:
        advice = "Models need actions that are a Box of one dimension: convert them"
        yield Finding("error", "action-space", f"the action space is {actions}", advice)
    try:
        ObservationSelector.from_space(dataset.observation_space, dataset.layout)
    except DataError as error:
        yield Finding("error", "observation-space", str(error), "Record what a model can see as Box of one dimension")


GYMNASIUM_SIZE = 59
"""9 robot positions, 9 robot velocities, 21 object positions, 20 object velocities."""
D4RL_SIZE = 60
"""9 robot positions, 21 object positions, 30 entries of the goal."""


def check_kitchen_layout(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of FrankaKitchen's two layouts: D4RL's index k stands at k + 9 in Gymnasium-Robotics, without the goal."""
    if "kitchen" not in (statistics.dataset.env_id or "").lower() or MAIN_KEY not in statistics.observations:
        return
    size = int(np.size(statistics.observations[MAIN_KEY].mean))
    if size == D4RL_SIZE:
        yield Finding(
            "warning",
            "kitchen-layout",
            "observations have D4RL's layout (60 = 9 robot, 21 object positions, 30 of the goal), without velocities",
            "Convert with mts3-convert for models that are to act in FrankaKitchen-v1; leave the goal out of what a "
            "model sees",
        )
    elif size != GYMNASIUM_SIZE:
        yield Finding(
            "error",
            "kitchen-layout",
            f"observations have {size} entries, FrankaKitchen has {GYMNASIUM_SIZE} (Gymnasium-Robotics) or {D4RL_SIZE} "
            "(D4RL)",
            "Find out what the entries are before you use them",
        )


def check_dtypes(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of number types: float32 or float64 for values, bool for flags, the same in all episodes."""
    for name, found in statistics.dtypes.items():
        kinds = {np.dtype(dtype) for dtype in found}
        if name not in FLAGS and any(dtype.kind not in "biuf" for dtype in kinds):
            yield Finding("error", f"dtype of {name}", f"{name} are {' and '.join(found)}, no numbers", "Convert them")
        elif name in FLAGS and kinds != {np.dtype(np.bool_)}:
            yield Finding(
                "warning", f"dtype of {name}", f"{name} are {' and '.join(found)}, not bool", "Convert them to bool"
            )
        elif name not in FLAGS and any(dtype.kind != "f" or dtype.itemsize < 4 for dtype in kinds):
            yield Finding(
                "warning",
                f"dtype of {name}",
                f"{name} are {' and '.join(found)}: fractions are rounded or lost",
                "Record them as float32 or float64",
            )
        elif len(kinds) > 1:
            yield Finding(
                "warning",
                f"dtype of {name}",
                f"{name} are {' and '.join(found)} in different episodes",
                "The data may come from several sources: see that their units agree",
            )


def check_non_finite(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for NaN and infinity: one of them reaches every weight of a model within one update."""
    arrays = [*number_leaves(episode.observations), ("actions", episode.actions), ("rewards", episode.rewards)]
    for name, array in arrays:
        finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if not finite.all():
            yield Finding(
                "error",
                f"non-finite {name}",
                f"{name} hold NaN or infinity in {int((~finite).sum())} of {len(finite)} rows",
                "Repair or drop the episode",
                *first_place(episode, ~finite),
            )


# Excess that is due to the rounding of float32.
_TOLERANCE = 1e-4


def check_action_bounds(episode: RawEpisode, statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check of actions beyond the bounds: the environment clips them, so the stored ones did not move it."""
    space = statistics.dataset.action_space
    if not isinstance(space, spaces.Box):
        return
    excess = np.maximum(space.low - episode.actions, episode.actions - space.high)
    rows = (excess > _TOLERANCE).reshape(len(excess), -1).any(axis=1)
    if rows.any():
        yield Finding(
            "error",
            "action-bounds",
            f"{int(rows.sum())} actions lie outside of the action space, by up to {float(np.nanmax(excess)):.3g}",
            "Clip the actions as the environment does, or correct the action space",
            *first_place(episode, rows),
        )


# Relative to the size of the entry: smaller changes are rounding.
_CONSTANT = 1e-6


def check_constant_dimensions(statistics: DatasetStatistics) -> Iterator[Finding]:
    """Check for constant entries: they carry no information, and a normaliser would divide by their spread.

    Goals are left out: a fixed goal is a task, not a fault.
    """
    leaves = (
        {MAIN_KEY: statistics.observations[MAIN_KEY]}
        if MAIN_KEY in statistics.observations
        else statistics.observations
    )
    for leaf, moments in leaves.items():
        names = known_names(statistics.dataset.env_id, int(np.size(moments.mean))) if leaf == MAIN_KEY else None
        yield from _constant(leaf, names, moments.mean, moments.deviation, moments.count)
    yield from _constant(
        "actions", None, statistics.actions.mean, statistics.actions.deviation, statistics.actions.count
    )


def _constant(
    leaf: str, names: tuple[str, ...] | None, mean: np.ndarray, deviation: np.ndarray, count: int
) -> Iterator[Finding]:
    still = np.flatnonzero(deviation <= _CONSTANT * np.maximum(1.0, np.abs(mean)))
    if count > 1 and len(still):
        called = ", ".join(names[place] if names else f"{leaf}/{place}" for place in still)
        yield Finding(
            "warning",
            f"constant {leaf}",
            f"{len(still)} of {np.size(mean)} entries of {leaf} never change: {called}",
            "Leave them out with data.observation=[...]" if leaf != "actions" else "Nothing is learned of their effect",
        )
