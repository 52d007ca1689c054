"""Data sets of one kind become another and come back, number by number."""

import json
import warnings
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import minari
import numpy as np
import pytest
from d4rl_files import MAZE, kitchen_rows, maze_rows, robot_rows, write_rows
from gymnasium import spaces

from mbrl_mts3.agents.behaviour import RandomBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.data import RawDataset, RawEpisode, convert_dataset, load_dataset, read_dataset
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.errors import ConfigurationError, DataError, StorageError

CHEETAH_FILE = "halfcheetah_medium-v2.hdf5"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minari_root: Path) -> Path:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    return tmp_path / "d4rl"


def goal_dataset(dataset_id: str = "mine/goals-v0") -> None:
    """Dict observations of two types, infos of both lengths, and all four kinds of ends."""
    generator = np.random.default_rng(0)
    space = spaces.Dict(
        {
            "observation": spaces.Box(-np.inf, np.inf, (3,), np.float64),
            "inner": spaces.Dict({"goal": spaces.Box(-9, 9, (2,), np.float32)}),
        }
    )
    with MinariWriter(dataset_id, space, spaces.Box(-2, 2, (1,), np.float32)) as writer:
        for number, steps in enumerate((6, 1, 9, 4)):
            last = np.arange(steps) == steps - 1
            writer.add(
                RawEpisode(
                    observations={
                        "observation": generator.normal(size=(steps + 1, 3)),
                        "inner": {"goal": generator.normal(size=(steps + 1, 2)).astype(np.float32)},
                    },
                    actions=generator.uniform(-2, 2, (steps, 1)).astype(np.float32),
                    rewards=generator.normal(size=steps),
                    terminations=last & (number in (1, 3)),
                    truncations=last & (number in (0, 3)),
                    infos={"seen": generator.normal(size=(steps + 1, 2)), "paid": generator.integers(0, 9, steps)},
                )
            )


def leaves(observations: Any) -> dict[str, Any]:
    if not isinstance(observations, dict):
        return {"": observations}
    return {f"{key}/{name}": array for key, part in observations.items() for name, array in leaves(part).items()}


def assert_same(found: RawDataset, expected: RawDataset, ends: bool = True) -> None:
    """Equal numbers of equal types."""
    assert len(found.episodes) == len(expected.episodes)
    for got, wanted in zip(found.episodes, expected.episodes, strict=True):
        pairs = [(getattr(got, name), getattr(wanted, name)) for name in ("actions", "rewards", "terminations")]
        if ends:
            pairs.append((got.truncations, wanted.truncations))
        assert leaves(got.observations).keys() == leaves(wanted.observations).keys()
        pairs += [(leaves(got.observations)[key], array) for key, array in leaves(wanted.observations).items()]
        assert got.infos.keys() == wanted.infos.keys()
        pairs += [(got.infos[key], array) for key, array in wanted.infos.items()]
        for one, other in pairs:
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def test_d4rl_to_minari(folder: Path) -> None:
    stored = robot_rows(lengths=(7, 4, 9), terminal=(1,))
    write_rows(folder / CHEETAH_FILE, stored)
    convert_dataset(read_dataset("d4rl/halfcheetah-medium-v2"), "mine/cheetah-v2")
    # As Minari itself reads it.
    written = minari.load_dataset("mine/cheetah-v2")
    environment = gymnasium.make("HalfCheetah-v5")
    assert written.spec.observation_space == environment.observation_space
    assert written.spec.action_space == environment.action_space
    environment.close()
    recovered = written.recover_environment()
    assert recovered.spec.id == "HalfCheetah-v5"
    recovered.close()
    assert minari.get_normalized_score(written, np.array([12135.0, -280.178953])).tolist() == [1.0, 0.0]
    first = 0
    for episode, length in zip(written.iterate_episodes(), (7, 4, 9), strict=True):
        rows = slice(first, first + length)
        first += length
        np.testing.assert_array_equal(episode.observations[:-1], stored["observations"][rows])
        np.testing.assert_array_equal(episode.observations[1:], stored["next_observations"][rows])
        np.testing.assert_array_equal(episode.actions, stored["actions"][rows])
        np.testing.assert_array_equal(episode.rewards, stored["rewards"][rows])
        np.testing.assert_array_equal(episode.terminations, stored["terminals"][rows])
        np.testing.assert_array_equal(episode.truncations, stored["timeouts"][rows])
        np.testing.assert_array_equal(episode.infos["qpos"], stored["infos/qpos"][rows])
        assert episode.observations.dtype == np.float64
    # Seen by a model, both are the same, names included.
    ours, theirs = load_dataset("mine/cheetah-v2"), load_dataset("halfcheetah-medium-v2")
    assert (ours.observation_names, ours.env_id) == (theirs.observation_names, theirs.env_id)
    for one, other in zip(ours.episodes, theirs.episodes, strict=True):
        np.testing.assert_array_equal(one.observations, other.observations)
        np.testing.assert_array_equal(one.rewards, other.rewards)


@pytest.mark.parametrize(
    ("dataset_id", "file", "rows"),
    [
        ("maze2d-umaze-v1", "maze2d-umaze-sparse-v1.hdf5", maze_rows()),
        ("kitchen-mixed-v0", "kitchen_microwave_kettle_bottomburner_light-v0.hdf5", kitchen_rows()),
    ],
)
def test_mazes_and_kitchens_keep_their_layout_and_names(folder: Path, dataset_id: str, file: str, rows: Any) -> None:
    write_rows(folder / file, rows)
    source = load_dataset(dataset_id)
    convert_dataset(read_dataset(dataset_id), "mine/copy-v0")
    copy = load_dataset("mine/copy-v0")
    assert copy.observation_names == source.observation_names
    assert copy.env_id is None
    assert copy.observation_space == source.observation_space
    for one, other in zip(copy.episodes, source.episodes, strict=True):
        for name in ("observations", "actions", "rewards", "terminations", "truncations"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    description = minari.load_dataset("mine/copy-v0").storage.metadata["description"]
    assert "moved by one row" in description


def test_d4rls_layout_and_back(folder: Path, tmp_path: Path) -> None:
    goal_dataset()
    source = read_dataset("mine/goals-v0")
    path = tmp_path / "goals.hdf5"
    convert_dataset(source, str(path))
    with h5py.File(path) as file:
        assert {"observations", "actions", "rewards", "terminals", "timeouts", "next_observations"} <= set(file)
        first = source.episodes[0].observations
        np.testing.assert_array_equal(file["observations"][:6, :2], first["inner"]["goal"][:-1])
        np.testing.assert_array_equal(file["next_observations"][:6, 2:], first["observation"][1:])
        np.testing.assert_array_equal(np.flatnonzero(file["terminals"]), [6, 19])
    back = read_dataset(path)
    assert back.observation_space == source.observation_space
    assert back.action_space == source.action_space
    assert_same(back, source, ends=False)
    # Episode 2 ends neither way in Minari; in rows it has to end somehow.
    ends = [(bool(episode.terminations[-1]), bool(episode.truncations[-1])) for episode in back.episodes]
    assert ends == [(False, True), (True, False), (False, True), (True, True)]
    convert_dataset(back, "mine/again-v0")
    assert_same(read_dataset("mine/again-v0"), back)


def test_real_data_to_the_layout_and_back(folder: Path, tmp_path: Path) -> None:
    collect_dataset("PointMaze_UMaze-v3", RandomBehaviour, 60, "mine/maze-v0", progress=False, max_episode_steps=25)
    source = read_dataset("mine/maze-v0")
    convert_dataset(source, str(tmp_path / "maze.hdf5"))
    back = read_dataset(tmp_path / "maze.hdf5")
    assert_same(back, source)
    assert (back.env_id, back.env_spec.id) == (source.env_id, "PointMaze_UMaze-v3")
    one, other = load_dataset(tmp_path / "maze.hdf5"), load_dataset("mine/maze-v0")
    assert one.observation_names == other.observation_names == ("x", "y", "vx", "vy")


def test_moved_rewards_are_not_moved_again(folder: Path, tmp_path: Path) -> None:
    write_rows(folder / "maze2d-umaze-sparse-v1.hdf5", maze_rows())
    source = read_dataset("maze2d-umaze-v1")
    # A name out of the table, and rewards that would not tell their timing.
    path = tmp_path / "maze2d-umaze-sparse-v1.hdf5"
    silent = RawDataset(
        **{**vars(source), "episodes": tuple(_silent(episode) for episode in source.episodes)},
    )
    for dataset in (source, silent):
        convert_dataset(dataset, str(path), overwrite=True)
        assert_same(read_dataset(path), dataset)


def _silent(episode: RawEpisode) -> RawEpisode:
    return RawEpisode(**{**vars(episode), "rewards": np.zeros_like(episode.rewards)})


def test_npz(folder: Path, tmp_path: Path) -> None:
    goal_dataset()
    source = read_dataset("mine/goals-v0")
    convert_dataset(source, str(tmp_path / "goals.npz"))
    with np.load(tmp_path / "goals.npz", allow_pickle=False) as stored:
        lengths = stored["lengths"]
        np.testing.assert_array_equal(lengths, [6, 1, 9, 4])
        by_step = np.split(np.arange(lengths.sum()), np.cumsum(lengths)[:-1])
        by_observation = np.split(np.arange((lengths + 1).sum()), np.cumsum(lengths + 1)[:-1])
        for episode, steps, seen in zip(source.episodes, by_step, by_observation, strict=True):
            for name in ("actions", "rewards", "terminations", "truncations"):
                np.testing.assert_array_equal(stored[name][steps], getattr(episode, name))
            np.testing.assert_array_equal(stored["observations/observation"][seen], episode.observations["observation"])
            goals = stored["observations/inner/goal"][seen]
            np.testing.assert_array_equal(goals, episode.observations["inner"]["goal"])
            assert goals.dtype == np.float32
            np.testing.assert_array_equal(stored["infos/seen"][seen], episode.infos["seen"])
            np.testing.assert_array_equal(stored["infos/paid"][steps], episode.infos["paid"])
        metadata = json.loads(str(stored["metadata"]))
    assert metadata["dataset_id"] == "mine/goals-v0"
    assert metadata["content_hash"] == source.content_hash == load_dataset("mine/goals-v0").content_hash


@pytest.mark.parametrize("name", ["out.hdf5", "out.npz"])
def test_what_is_there_is_kept(folder: Path, tmp_path: Path, name: str) -> None:
    goal_dataset()
    source = read_dataset("mine/goals-v0")
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match="overwrite=true"):
        convert_dataset(source, str(tmp_path / name))
    assert (tmp_path / name).read_text() == "mine"
    convert_dataset(source, str(tmp_path / name), overwrite=True)
    assert (tmp_path / name).read_bytes()[:4] in (b"\x89HDF", b"PK\x03\x04")
    assert not list(tmp_path.glob(".incomplete*"))


@pytest.mark.parametrize("name", ["out.hdf5", "out.npz"])
def test_a_conversion_that_fails_leaves_nothing(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal_dataset()
    source = read_dataset("mine/goals-v0")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.File, "create_dataset", full)
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(StorageError, match=r"disk is full.*make room"):
        convert_dataset(source, str(tmp_path / "new" / name))
    assert not list((tmp_path / "new").iterdir())


def test_what_the_layout_cannot_tell(folder: Path, tmp_path: Path) -> None:
    steps = 5
    episode = RawEpisode(
        np.zeros((steps + 1, MAZE[0])),
        np.zeros((steps, MAZE[1]), np.float32),
        np.zeros(steps),
        np.arange(steps) == 2,
        np.arange(steps) == 4,
    )
    space = spaces.Box(-np.inf, np.inf, (MAZE[0],))
    box = spaces.Box(-1, 1, (MAZE[1],), np.float32)
    dataset = RawDataset((episode,), "mine/odd-v0", "0", space, box)
    with pytest.raises(DataError, match="episode 0: it goes on after"):
        convert_dataset(dataset, str(tmp_path / "odd.hdf5"))
    image = spaces.Box(0, 1, (2, 2))
    seen = RawEpisode(**{**vars(_silent_end(episode)), "observations": np.zeros((steps + 1, 2, 2))})
    with pytest.raises(DataError, match="do not fit into rows"):
        convert_dataset(RawDataset((seen,), "mine/odd-v0", "0", image, box), str(tmp_path / "odd.hdf5"))
    fine = RawEpisode(**{**vars(_silent_end(episode)), "observations": np.full((steps + 1, MAZE[0]), 1e-300)})
    with pytest.raises(DataError, match="do not fit into float32"):
        convert_dataset(RawDataset((fine,), "mine/odd-v0", "0", space, box), "mine/odd-v1")
    for target in (str(tmp_path / "odd.hdf5"), str(tmp_path / "odd.npz"), "mine/odd-v1"):
        with pytest.raises(DataError, match=r"no step|no episode"):
            convert_dataset(RawDataset((), "mine/none-v0", "0", space, box), target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert minari.list_local_datasets() == {}


def _silent_end(episode: RawEpisode) -> RawEpisode:
    return RawEpisode(**{**vars(episode), "terminations": np.zeros(len(episode), np.bool_)})


def test_options_of_d4rl_for_other_data(folder: Path) -> None:
    goal_dataset()
    with pytest.raises(ConfigurationError, match="leave them out"):
        read_dataset("mine/goals-v0", rewards="shifted")
