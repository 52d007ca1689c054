"""The part of a step that an observation's own velocities do not explain."""

from __future__ import annotations

from typing import Any

import numpy as np

from mbrl_mts3.data.observation_names import known_names

Array = np.ndarray[Any, np.dtype[Any]]


def unexplained_changes(observations: Array, env_id: str | None) -> Array:
    """How far each step moves, (T, k), less what velocities account for.

    Where the entries are known (HalfCheetah, PointMaze, FrankaKitchen), k positions with a velocity are looked at:
    |q' - q - dt (v + v') / 2|, the trapezoidal rule, with dt as the data shows it. Else all entries, |o' - o|.

    Args:
        observations: (T + 1, obs).
        env_id: tells what the entries are.
    """
    observations = observations.astype(np.float64)
    positions, velocities = _pairs(known_names(env_id, observations.shape[1]) or ())
    if not positions:
        return np.abs(np.diff(observations, axis=0))
    moved = np.diff(observations[:, positions], axis=0)
    speed = (observations[1:, velocities] + observations[:-1, velocities]) / 2
    return np.abs(moved - _time_step(moved, speed) * speed)


def _pairs(names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Places of the positions that have a velocity, and of these velocities."""
    places = {name: place for place, name in enumerate(names)}
    found = [
        (place, places[rate]) for name, place in places.items() for rate in (f"v_{name}", f"v{name}") if rate in places
    ]
    return [position for position, _ in found], [velocity for _, velocity in found]


def _time_step(moved: Array, speed: Array) -> float:
    """Seconds: medians, so that a few jumps do not matter."""
    typical = float(np.nanmedian(np.abs(speed))) if speed.size else 0.0
    return float(np.nanmedian(moved * np.sign(speed))) / typical if typical > 0 else 0.0
