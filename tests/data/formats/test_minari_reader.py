"""Data sets here are written by Minari itself, so that reader and writer are judged apart."""

import warnings
from pathlib import Path
from typing import Any

import gymnasium
import gymnasium_robotics
import h5py
import minari
import numpy as np
import pytest
from gymnasium import spaces
from minari.data_collector import EpisodeBuffer

from mbrl_mts3.data import load_minari, local_dataset_ids
from mbrl_mts3.errors import (
    DataError,
    NonFiniteDataError,
    StorageError,
    UnknownDatasetError,
    UnknownObservationError,
)

pytestmark = pytest.mark.usefixtures("minari_root")

BOX = spaces.Box(-np.inf, np.inf, (3,), np.float64)
GOALS = spaces.Dict({"achieved_goal": spaces.Box(-9, 9, (2,), np.float64), "observation": BOX})
ACTIONS = spaces.Box(-1, 1, (2,), np.float32)


def write(dataset_id: str, buffers: list[EpisodeBuffer], space: spaces.Space[Any] = BOX, **options: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            dataset_id, buffers, observation_space=space, action_space=options.pop("action_space", ACTIONS), **options
        )


def buffer(steps: int, seed: int = 0, **changes: Any) -> EpisodeBuffer:
    generator = np.random.default_rng(seed)
    content = {
        "observations": generator.normal(size=(steps + 1, 3)),
        "actions": generator.uniform(-1, 1, (steps, 2)).astype(np.float32),
        "rewards": generator.normal(size=steps),
        "terminations": np.zeros(steps, np.bool_),
        "truncations": np.arange(steps) == steps - 1,
    }
    return EpisodeBuffer(**{**content, **changes})


def test_box_observations_arrive_as_they_were_written() -> None:
    buffers = [buffer(steps, seed) for seed, steps in enumerate([5, 1, 8])]
    write("test/box-v0", buffers)
    dataset = load_minari("test/box-v0")
    assert [episode.episode_id for episode in dataset.episodes] == [0, 1, 2]
    assert (dataset.observation_dim, dataset.action_dim, dataset.total_steps) == (3, 2, 14)
    assert dataset.observation_names == ("observation/0", "observation/1", "observation/2")
    assert (dataset.observation_space, dataset.action_space, dataset.env_id) == (BOX, ACTIONS, None)
    for episode, written in zip(dataset.episodes, buffers, strict=True):
        np.testing.assert_array_equal(episode.observations, np.float32(written.observations))
        np.testing.assert_array_equal(episode.actions, written.actions)
        np.testing.assert_array_equal(episode.rewards, np.float32(written.rewards))
        np.testing.assert_array_equal(episode.terminations, written.terminations)
        np.testing.assert_array_equal(episode.truncations, written.truncations)
        assert episode.observations.dtype == episode.actions.dtype == episode.rewards.dtype == np.float32


def test_dict_observations_and_a_selection() -> None:
    observations = {"achieved_goal": np.random.rand(6, 2), "observation": np.random.rand(6, 3)}  # noqa: NPY002
    write("test/dict-v0", [buffer(5, observations=observations)], GOALS)
    np.testing.assert_array_equal(
        load_minari("test/dict-v0").episodes[0].observations, np.float32(observations["observation"])
    )
    chosen = load_minari("test/dict-v0", ["achieved_goal/1", "observation/2"])
    expected = np.stack([observations["achieved_goal"][:, 1], observations["observation"][:, 2]], axis=1)
    np.testing.assert_array_equal(chosen.episodes[0].observations, np.float32(expected))
    assert chosen.observation_space == GOALS


def test_infos_of_fitting_length_are_flat() -> None:
    infos = {"success": np.arange(6) > 3, "reward": {"forward": np.arange(5.0)}, "odd": np.arange(3)}
    write("test/infos-v0", [buffer(5, infos=infos)])
    (episode,) = load_minari("test/infos-v0").episodes
    assert episode.infos.keys() == {"success", "reward/forward"}
    np.testing.assert_array_equal(episode.infos["success"], infos["success"])
    np.testing.assert_array_equal(episode.infos["reward/forward"], np.arange(5.0))


def test_the_environment_gives_names() -> None:
    observations = {
        "achieved_goal": np.zeros((6, 2)),
        "desired_goal": np.zeros((6, 2)),
        "observation": np.zeros((6, 4)),
    }
    gymnasium.register_envs(gymnasium_robotics)
    environment = gymnasium.make("PointMaze_UMaze-v3")
    write("test/maze-v0", [buffer(5, observations=observations)], environment.observation_space, env=environment)
    dataset = load_minari("test/maze-v0", "positions")
    assert dataset.env_id == "PointMaze_UMaze-v3"
    assert dataset.observation_names == ("x", "y")


def test_the_hash_is_of_the_content_not_of_the_selection() -> None:
    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        write(f"test/{name}-v0", [buffer(5, seed)])
    hashes = {name: load_minari(f"test/{name}-v0").content_hash for name in "abc"}
    assert hashes["a"] == hashes["b"] != hashes["c"]
    assert load_minari("test/a-v0", ["observation/1"]).content_hash == hashes["a"]


def test_an_unknown_id_names_the_nearest() -> None:
    write("test/cheetah-v0", [buffer(5)])
    write("test/kitchen-v0", [buffer(5)])
    with pytest.raises(UnknownDatasetError, match=r"'test/chetah-v0'; nearest on disk: test/cheetah-v0.*mts3-collect"):
        load_minari("test/chetah-v0")


@pytest.mark.parametrize("dataset_id", ["nothing-v0", "no version", "hf://org/nothing-v0"])
def test_an_unknown_id_where_nothing_is_on_disk(dataset_id: str) -> None:
    with pytest.raises(UnknownDatasetError, match="no data set is on disk"):
        load_minari(dataset_id)


def test_an_unknown_name() -> None:
    write("test/box-v0", [buffer(5)])
    with pytest.raises(UnknownObservationError, match="'speed'"):
        load_minari("test/box-v0", ["speed"])


def test_values_that_are_not_finite_are_named_where_they_are_selected() -> None:
    observations = np.zeros((6, 3))
    observations[4, 2] = np.nan
    write("test/nan-v0", [buffer(3), buffer(5, observations=observations)])
    with pytest.raises(NonFiniteDataError, match="episode 1, step 4: observations"):
        load_minari("test/nan-v0")
    assert load_minari("test/nan-v0", ["observation/0"]).total_steps == 8


def test_a_data_set_without_episodes() -> None:
    write("test/empty-v0", [])
    with pytest.raises(DataError, match="holds no episode"):
        load_minari("test/empty-v0")


def test_actions_that_are_not_continuous() -> None:
    write("test/discrete-v0", [buffer(5, actions=np.zeros(5, np.int64))], action_space=spaces.Discrete(3))
    with pytest.raises(DataError, match="actions need a Box"):
        load_minari("test/discrete-v0")


@pytest.mark.parametrize("name", ["main_data.hdf5", "metadata.json"])
def test_a_damaged_file(minari_root: Path, name: str) -> None:
    write("test/box-v0", [buffer(5)])
    path = minari_root / "test/box-v0/data" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"test/box-v0.*damaged"):
        load_minari("test/box-v0")


def test_episodes_that_are_missing_from_the_file(minari_root: Path) -> None:
    write("test/box-v0", [buffer(5), buffer(4)])
    with h5py.File(minari_root / "test/box-v0/data/main_data.hdf5", "a") as file:
        del file["episode_1"]
    with pytest.raises(DataError, match="damaged"):
        load_minari("test/box-v0")


class TestDownload:
    """The remote itself is Minari's business; what it answers is played here."""

    def test_a_data_set_on_disk_is_not_fetched_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write("test/box-v0", [buffer(5)])
        monkeypatch.setattr(minari, "download_dataset", lambda *_: pytest.fail("asked the remote"))
        assert load_minari("test/box-v0", download=True).total_steps == 5
        assert load_minari("hf://farama-minari/test/box-v0", download=True).total_steps == 5

    def test_a_fetched_data_set_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []

        def fetch(dataset_id: str) -> None:
            asked.append(dataset_id)
            write("test/far-v0", [buffer(5)])

        monkeypatch.setattr(minari, "download_dataset", fetch)
        assert load_minari("hf://org/test/far-v0", download=True).dataset_id == "test/far-v0"
        assert asked == ["hf://org/test/far-v0"]

    @pytest.mark.parametrize(
        ("answer", "error", "message"),
        [
            (ValueError("Couldn't find any version"), UnknownDatasetError, "The remote says: Couldn't find"),
            (ConnectionError("no route"), DataError, r"could not be downloaded \(ConnectionError: no route\)"),
            (OSError(28, "full", "/some/where"), StorageError, "/some/where could not be written: the disk is full"),
            (OSError(30, "read-only"), StorageError, r"could not be written: OSError.*MINARI_DATASETS_PATH"),
        ],
    )
    def test_what_the_remote_refuses(
        self, monkeypatch: pytest.MonkeyPatch, answer: Exception, error: type[Exception], message: str
    ) -> None:
        def refuse(dataset_id: str) -> None:
            raise answer

        monkeypatch.setattr(minari, "download_dataset", refuse)
        with pytest.raises(error, match=message):
            load_minari("test/far-v0", download=True)


def test_ids_on_disk() -> None:
    write("test/b-v0", [buffer(5)])
    write("a-v1", [buffer(5)])
    assert sorted(local_dataset_ids()) == ["a-v1", "test/b-v0"]
