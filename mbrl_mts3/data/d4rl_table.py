"""The D4RL data sets that can be loaded by their ids.

URLs, step limits and reference scores are those of D4RL 1.1 (d4rl/infos.py and the registrations of its
environments); a test compares them where that package is installed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from mbrl_mts3.data.d4rl_checksums import SHA256
from mbrl_mts3.data.d4rl_info import D4RLInfo
from mbrl_mts3.errors import UnknownDatasetError

BASE_URL = "http://rail.eecs.berkeley.edu/datasets/offline_rl"
PREFIX = "d4rl/"

_QUALITIES = ("random", "medium", "medium-replay", "full-replay", "medium-expert", "expert")
# Robot: Gymnasium's environment, returns of a random policy and of an expert. D4RL's Ant has 111 observations, more
# than half of them contact forces that are always zero; Ant-v5 leaves them out or fills them, so it is another space.
_ROBOTS: dict[str, tuple[str | None, tuple[float, float]]] = {
    "halfcheetah": ("HalfCheetah-v5", (-280.178953, 12135.0)),
    "hopper": ("Hopper-v5", (-20.272305, 3234.3)),
    "walker2d": ("Walker2d-v5", (1.629008, 4592.3)),
    "ant": (None, (-325.6, 3879.7)),
}
# Maze: version, its suffix in the file name, step limit, goal, scores with sparse and with dense rewards. The goal is
# the cell marked G in D4RL's map. There is no version 1 of the open maze.
_Scores = tuple[float, float]
_MAZES: dict[str, tuple[str, str, int, tuple[float, float], _Scores, _Scores]] = {
    "open": ("v0", "", 150, (2.0, 3.0), (0.01, 20.66), (11.17817, 27.166538620695782)),
    "umaze": ("v1", "-v1", 300, (1.0, 1.0), (23.85, 161.86), (68.537689, 193.66285642381482)),
    "medium": ("v1", "-v1", 600, (6.0, 6.0), (13.13, 277.39), (44.264742, 297.4552547777125)),
    "large": ("v1", "-v1", 800, (7.0, 9.0), (6.7, 273.99), (30.569041, 303.4857382709002)),
}
_KITCHENS = {
    "complete": "mini_kitchen_microwave_kettle_light_slider-v0",
    "partial": "kitchen_microwave_kettle_light_slider-v0",
    "mixed": "kitchen_microwave_kettle_bottomburner_light-v0",
}


def _robots() -> Iterator[D4RLInfo]:
    for robot, (env_id, scores) in _ROBOTS.items():
        for quality in _QUALITIES:
            file = f"{robot}_{quality.replace('-', '_')}-v2.hdf5"
            yield D4RLInfo(
                name=f"{robot}-{quality}-v2",
                url=f"{BASE_URL}/gym_mujoco_v2/{file}",
                max_episode_steps=1000,
                reference_scores=scores,
                env_id=env_id,
                sha256=SHA256.get(file),
            )


def _mazes() -> Iterator[D4RLInfo]:
    for maze, (version, suffix, steps, goal, sparse, dense) in _MAZES.items():
        for kind, scores in (("sparse", sparse), ("dense", dense)):
            file = f"maze2d-{maze}-{kind}{suffix}.hdf5"
            yield D4RLInfo(
                name=f"maze2d-{maze}-dense-{version}" if kind == "dense" else f"maze2d-{maze}-{version}",
                url=f"{BASE_URL}/maze2d/{file}",
                max_episode_steps=steps,
                reference_scores=scores,
                goal=goal,
                rewards_of_observations=True,
                sha256=SHA256.get(file),
            )


def _kitchens() -> Iterator[D4RLInfo]:
    for kitchen, file in _KITCHENS.items():
        yield D4RLInfo(
            name=f"kitchen-{kitchen}-v0",
            url=f"{BASE_URL}/kitchen/{file}.hdf5",
            max_episode_steps=280,
            reference_scores=(0.0, 4.0),
            rewards_of_observations=True,
            ends_marked=True,
            sha256=SHA256.get(f"{file}.hdf5"),
        )


D4RL_DATASETS: dict[str, D4RLInfo] = {info.name: info for info in (*_robots(), *_mazes(), *_kitchens())}
"""All rows by name, such as "halfcheetah-medium-v2"."""


def d4rl_info(dataset_id: str) -> D4RLInfo:
    """The row of an id, with or without "d4rl/" before it.

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones.
    """
    name = dataset_id.removeprefix(PREFIX)
    if name not in D4RL_DATASETS:
        nearest = difflib.get_close_matches(name, D4RL_DATASETS, n=5, cutoff=0.3) or list(D4RL_DATASETS)[:5]
        raise UnknownDatasetError(
            f"unknown D4RL data set {dataset_id!r}; nearest: {', '.join(PREFIX + near for near in nearest)}. Or name a "
            "file of D4RL's layout (.hdf5)"
        )
    return D4RL_DATASETS[name]


def info_of_file(file_name: str) -> D4RLInfo | None:
    """The row whose file has that name; None where there is none."""
    return next((info for info in D4RL_DATASETS.values() if info.file_name == file_name), None)
