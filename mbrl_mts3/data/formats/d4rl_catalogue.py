"""Catalogue of the D4RL data sets that can be loaded by id, with the facts known of each.

URLs, step limits and reference scores are those of D4RL 1.1 (d4rl/infos.py and the registrations of its
environments); a test compares them where that package is installed. Checksums are those that TensorFlow Datasets keeps
(github.com/tensorflow/datasets, tensorflow_datasets/d4rl/d4rl_mujoco_*/checksums.tsv). Nobody publishes those of the
mazes and the kitchen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mbrl_mts3.errors import UnknownDatasetError, nearest_names

SHA256 = {
    "ant_expert-v2.hdf5": "fa22531ca79ea051006fa48bb652120d2e12c813919c530369a03c2688311b0f",
    "ant_full_replay-v2.hdf5": "b95b0a7f34b1d5d1bedfded0f8e9cfc508b59de83cd4cbfb65b18dbd5056f26c",
    "ant_medium-v2.hdf5": "461c03b9f70f40d66b47608a92965e4ef3642bd9cdb1320d10acc92754167137",
    "ant_medium_expert-v2.hdf5": "8cfb64e62d8944b5d9dada5f0cfc13a295fafe0c6ba58b778e32ebf16c95aef1",
    "ant_medium_replay-v2.hdf5": "844c4e5743ef51091f2106a3570b257fb149032c4743f8a5f02f40adc3b42a46",
    "ant_random-v2.hdf5": "93cc10893eed2b8e17f81d1aa51dc23d27c5ca101a3804249f6bd038c6f06055",
    "halfcheetah_expert-v2.hdf5": "d9fe53bb994eb1e20a99b4fa3412cd76a1bb7966a7ff55e0fcbdd6081bd2965f",
    "halfcheetah_full_replay-v2.hdf5": "27fdf7ea86e5a2cbd24d611ae9e703c86ec2e8e52823abc69dd9af6afb3a36c0",
    "halfcheetah_medium-v2.hdf5": "41324e8487a9556d8cfa4538827f8937f4d63dae3030825ebc9f3a726ed08ca0",
    "halfcheetah_medium_expert-v2.hdf5": "015db75dae5bbe8e94029b71fa0bafc2073365df0c94744e71031189f3f79c06",
    "halfcheetah_medium_replay-v2.hdf5": "48d494a4770c11f48260736dec090b78bdca8375647ed4d24bfa5b6610c7f683",
    "halfcheetah_random-v2.hdf5": "25407aef85b5d16c0f36b4149341edb4acc6a9e88c1db529b2de19e7464874ba",
    "hopper_expert-v2.hdf5": "01aa219a5f8eea5e639eccdc636ec2bf40e317159a95cf4bf6e985f16909941b",
    "hopper_full_replay-v2.hdf5": "56baf95963c51c1e964049a974566c50ba80f289390565523e60c0ba83e0982e",
    "hopper_medium-v2.hdf5": "5bdf1bc4a713c82941de44633df669b36c89850b652a25985166796d25cf71a0",
    "hopper_medium_expert-v2.hdf5": "9d51ad87f8c905be3880d84c6140bcdb7fbf39a19e046a237f238ba34fec9e26",
    "hopper_medium_replay-v2.hdf5": "e121c5f7c9857a307baa9edc6a2c3b48e85fedb9ac316ecddd0f48ca7ef4e39b",
    "hopper_random-v2.hdf5": "63103ef7059db4c0819bd054f4e83ff339030b50bcdb46bdbe50385f234b5054",
    "walker2d_expert-v2.hdf5": "2985dc3d436a8baa10e8f43f946fe1d7c6337a4e4fbc65def70618093b18c59a",
    "walker2d_full_replay-v2.hdf5": "f2720f9d27b2acef6ec9a7d9ad3b80b6c2078ad4467cee668a81e3b3c80bcf2a",
    "walker2d_medium-v2.hdf5": "cf00f43add04c17fdfc2958dd581dea0851b2e5bedbe6fda073758a8f841aeda",
    "walker2d_medium_expert-v2.hdf5": "6b8d7f868c45bbaedf460be797fb7271b46dee6ebe45fe7a64319f2005b59a04",
    "walker2d_medium_replay-v2.hdf5": "e75de96a4f77acf7d4e0d6fdf0d7ccb177c26c44bb4388e4fd99f543ccfa18db",
    "walker2d_random-v2.hdf5": "4e863bb6090cf4a461548bd470564b32f1ae5b32ef3085f816b2ede7f092e7fa",
}


@dataclass(frozen=True)
class D4RLInfo:
    """Facts about one D4RL data set."""

    name: str
    """Such as "halfcheetah-medium-v2"; `dataset_id` puts "d4rl/" before it."""
    url: str
    max_episode_steps: int
    """Step limit of D4RL's environment."""
    reference_scores: tuple[float, float]
    """Returns of a random policy and of an expert, in that order."""
    env_id: str | None = None
    """Gymnasium's environment of the same spaces; None where there is none."""
    goal: tuple[float, float] | None = None
    """Goal of a maze that its rewards are about, in the coordinates of its observations."""
    rewards_of_observations: bool = False
    """Whether rewards[t] was computed from observations[t], where the environment would pay it for arriving there."""
    ends_marked: bool = False
    """Whether each episode's last row is terminal, so that the step limit is not needed to cut the rows."""
    sha256: str | None = None
    """Of the file; None where it is not known."""

    @property
    def dataset_id(self) -> str:
        """The id that loads it: "d4rl/halfcheetah-medium-v2"."""
        return f"d4rl/{self.name}"

    @property
    def file_name(self) -> str:
        """Name in the cache folder: the last part of the URL, as D4RL has it."""
        return self.url.rsplit("/", 1)[-1]


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
"""All data sets by name, such as "halfcheetah-medium-v2"."""


def find_d4rl_info(dataset_id: str) -> D4RLInfo:
    """The entry of an id, with or without "d4rl/" before it.

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones.
    """
    name = dataset_id.removeprefix(PREFIX)
    if name not in D4RL_DATASETS:
        nearest = nearest_names(name, D4RL_DATASETS, cutoff=0.3) or list(D4RL_DATASETS)[:5]
        raise UnknownDatasetError(
            f"unknown D4RL data set {dataset_id!r}; nearest: {', '.join(PREFIX + near for near in nearest)}. Or name a "
            "file of D4RL's layout (.hdf5)"
        )
    return D4RL_DATASETS[name]


def info_of_file(file_name: str) -> D4RLInfo | None:
    """The entry whose file has that name; None where there is none."""
    return next((info for info in D4RL_DATASETS.values() if info.file_name == file_name), None)
