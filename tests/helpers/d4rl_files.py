"""Files in the exact structure of D4RL's, small, with numbers that tell where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

Stored = dict[str, np.ndarray[Any, np.dtype[Any]]]

CHEETAH, HOPPER, MAZE, KITCHEN = (17, 6), (11, 3), (4, 2), (60, 9)
CHEETAH_FILE = "halfcheetah_medium-v2.hdf5"
MAZE_FILE = "maze2d-umaze-sparse-v1.hdf5"
KITCHEN_FILE = "mini_kitchen_microwave_kettle_light_slider-v0.hdf5"
KITCHEN_GOALS = {
    "light switch": ((17, 18), (-0.69, -0.05)),
    "slide cabinet": ((19,), (0.37,)),
    "microwave": ((22,), (-0.75,)),
    "kettle": ((23, 24, 25, 26, 27, 28, 29), (-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06)),
}


def robot_rows(
    sizes: tuple[int, int] = CHEETAH,
    lengths: tuple[int, ...] = (7, 4, 9),
    terminal: tuple[int, ...] = (),
    seed: int = 0,
) -> Stored:
    """As gym_mujoco_v2: every key, float32, a timeout at each episode's end, a terminal for those in `terminal`."""
    generator = np.random.default_rng(seed)
    rows = sum(lengths)
    walks = [generator.normal(size=(length + 1, sizes[0])).cumsum(0).astype(np.float32) for length in lengths]
    last = np.cumsum(lengths) - 1
    timeouts, terminals = np.zeros((2, rows), np.bool_)
    for number, row in enumerate(last):
        (terminals if number in terminal else timeouts)[row] = True
    return {
        "observations": np.concatenate([walk[:-1] for walk in walks]),
        "next_observations": np.concatenate([walk[1:] for walk in walks]),
        "actions": generator.uniform(-1, 1, (rows, sizes[1])).astype(np.float32),
        "rewards": np.arange(rows, dtype=np.float32),
        "terminals": terminals,
        "timeouts": timeouts,
        "infos/action_log_probs": generator.normal(size=rows).astype(np.float32),
        "infos/qpos": generator.normal(size=(rows, sizes[0] // 2 + 1)).astype(np.float32),
        "infos/qvel": generator.normal(size=(rows, sizes[0] // 2 + 1)).astype(np.float32),
        "metadata/algorithm": np.bytes_("SAC"),
        "metadata/iteration": np.array([1000], np.int32)[0],
        "metadata/policy/fc0/weight": generator.normal(size=(rows, sizes[0])).astype(np.float32),
    }


def maze_rows(
    lengths: tuple[int, ...] = (60, 45, 80), goal: tuple[float, float] = (1.0, 1.0), dense: bool = False, seed: int = 0
) -> Stored:
    """As maze2d v1: rewards of the row's own observation about one fixed goal, timeouts, no next_observations."""
    generator = np.random.default_rng(seed)
    walks = []
    for length in lengths:
        places = np.array(goal) + generator.normal(size=(length, 2)).cumsum(0) * 0.15
        speeds = np.diff(places, axis=0, append=places[-1:]) / 0.01
        walks.append(np.concatenate([places, speeds], axis=1).astype(np.float32))
    observations = np.concatenate(walks)
    rows = len(observations)
    distance = np.linalg.norm(observations[:, :2] - np.array(goal), axis=1)
    timeouts = np.zeros(rows, np.bool_)
    timeouts[np.cumsum(lengths) - 1] = True
    targets = np.repeat(generator.uniform(0, 3, (len(lengths), 2)), lengths, axis=0)
    return {
        "observations": observations,
        "actions": generator.uniform(-1, 1, (rows, 2)).astype(np.float32),
        "rewards": (np.exp(-distance) if dense else (distance <= 0.5)).astype(np.float32),
        "terminals": np.zeros(rows, np.bool_),
        "timeouts": timeouts,
        "infos/goal": targets.astype(np.float32),
        "infos/qpos": observations[:, :2].copy(),
        "infos/qvel": observations[:, 2:].copy(),
    }


def kitchen_rows(lengths: tuple[int, ...] = (40, 30), seed: int = 0) -> Stored:
    """As kitchen v0: tasks done now, terminals (float32) at each end, an array called infos, no timeouts."""
    generator = np.random.default_rng(seed)
    parts, rewards = [], []
    for length in lengths:
        observed = generator.normal(size=(length, 60)) * 0.01
        observed[:, 30:] = 0
        done = np.zeros(length)
        for number, (places, goal) in enumerate(KITCHEN_GOALS.values()):
            start = 5 + 6 * number
            observed[:, [30 + place for place in places]] = goal
            observed[start:, list(places)] = np.array(goal) + 0.01
            done[start:] += 1
        parts.append(observed.astype(np.float32))
        rewards.append(done)
    rows = sum(lengths)
    terminals = np.zeros(rows, np.float32)
    terminals[np.cumsum(lengths) - 1] = 1
    return {
        "observations": np.concatenate(parts),
        "actions": generator.uniform(-1, 1, (rows, 9)).astype(np.float32),
        "rewards": np.concatenate(rewards).astype(np.float32),
        "terminals": terminals,
        "infos": np.repeat(np.arange(len(lengths)), lengths),
    }


def without(stored: Stored, *names: str) -> Stored:
    """Rows of a file that lacks some of its arrays."""
    return {name: array for name, array in stored.items() if name not in names}


def write_rows(path: Path, stored: Stored) -> Path:
    """The file; arrays compressed, as D4RL has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in stored.items():
            file.create_dataset(name, data=array, **({"compression": "gzip"} if np.ndim(array) else {}))
    return path


def rows_of(dataset_id: str) -> Stored:
    """Rows of the kind that a D4RL id holds."""
    name = dataset_id.removeprefix("d4rl/")
    if name.startswith("maze2d"):
        goals = {"open": (2.0, 3.0), "umaze": (1.0, 1.0), "medium": (6.0, 6.0), "large": (7.0, 9.0)}
        return maze_rows(goal=goals[name.split("-")[1]], dense="dense" in name)
    return kitchen_rows() if name.startswith("kitchen") else robot_rows()
