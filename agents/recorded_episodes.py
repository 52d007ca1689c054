"""Evaluated episodes in a file: their observations, actions and rewards, as plain NumPy arrays."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_mts3.agents.evaluation import EvaluatedEpisode
from mbrl_mts3.data.observation_selector import MAIN_KEY
from mbrl_mts3.data.observations import observation_leaves
from mbrl_mts3.errors import ResultError
from mbrl_mts3.files import write_atomically

EPISODES_FILE = "episodes.npz"


def save_episodes(path: str | Path, episodes: Sequence[EvaluatedEpisode]) -> Path:
    """Write episodes as an .npz file, whole or not at all; `numpy.load` reads it without pickle.

    Arrays are named NUMBER/actions, NUMBER/rewards, NUMBER/seed, NUMBER/success (1, 0, or -1 where the task has no
    goal) and NUMBER/observations/KEY for each leaf of an observation, in the order of the episodes.

    Raises:
        StorageError: the file cannot be written.
    """
    arrays: dict[str, Any] = {}
    for number, episode in enumerate(episodes):
        arrays[f"{number}/seed"] = np.array(episode.seed)
        arrays[f"{number}/success"] = np.array(-1 if episode.success is None else int(episode.success))
        arrays[f"{number}/actions"], arrays[f"{number}/rewards"] = episode.actions, episode.rewards
        for name, leaf in observation_leaves(episode.observations):
            arrays[f"{number}/observations/{name}"] = leaf
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return write_atomically(path, buffer.getvalue())


def load_episodes(path: str | Path) -> tuple[EvaluatedEpisode, ...]:
    """Read what `save_episodes` wrote; the leaves of a nested observation come as one dict, keys joined by "/".

    Raises:
        ResultError: no such file, or not one of that kind.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, EOFError, ValueError) as error:
        raise ResultError(f"{path} holds no recorded episodes ({error}): record them with record=true") from error
    count = 1 + max((int(name.partition("/")[0]) for name in arrays), default=-1)
    return tuple(_episode(arrays, number) for number in range(count))


def _episode(arrays: dict[str, np.ndarray], number: int) -> EvaluatedEpisode:
    first = f"{number}/observations/"
    leaves = {name.removeprefix(first): array for name, array in arrays.items() if name.startswith(first)}
    success = int(arrays[f"{number}/success"])
    return EvaluatedEpisode(
        seed=int(arrays[f"{number}/seed"]),
        observations=leaves[MAIN_KEY] if set(leaves) == {MAIN_KEY} else leaves,
        actions=arrays[f"{number}/actions"],
        rewards=arrays[f"{number}/rewards"],
        success=None if success < 0 else bool(success),
    )
