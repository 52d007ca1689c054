"""Data of other kinds than Minari's that stays on disk."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from d4rl_files import CHEETAH_FILE, kitchen_rows, maze_rows, robot_rows, without, write_rows

from mbrl_mts3.data import OfflineDataset, WindowSampler, load_d4rl, load_dataset, memory_map, raw_dataset
from mbrl_mts3.data.mapped_episodes import MappedEpisodes
from mbrl_mts3.errors import NonFiniteDataError


@pytest.fixture
def cache(d4rl_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "mbrl_mts3" / "mapped"


def assert_same(mapped: OfflineDataset, plain: OfflineDataset) -> None:
    assert isinstance(mapped.episodes, MappedEpisodes)
    assert isinstance(plain.episodes, tuple)
    for name in ("dataset_id", "content_hash", "selector", "observation_space", "action_space", "env_id", "notes"):
        assert getattr(mapped, name) == getattr(plain, name)
    assert [episode.episode_id for episode in mapped.episodes] == list(range(len(plain.episodes)))
    one, other = (WindowSampler(dataset.episodes, 4).batch(torch.arange(9)) for dataset in (mapped, plain))
    for first, second in zip(one.tensors(), other.tensors(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("halfcheetah-medium-v2", robot_rows()),
        ("halfcheetah-medium-v2", without(robot_rows(), "next_observations")),
        ("maze2d-umaze-v1", maze_rows()),
        ("kitchen-complete-v0", kitchen_rows()),
    ],
)
def test_files_of_d4rl(cache: Path, tmp_path: Path, name: str, rows: dict[str, np.ndarray]) -> None:
    path = f"{write_rows(tmp_path / 'data.hdf5', rows)}@{name}"
    assert_same(load_dataset(path, memory_map=True), load_dataset(path))
    assert_same(load_dataset(path, "positions", memory_map=True), load_dataset(path, "positions"))


def test_ids_of_d4rl(cache: Path, d4rl_folder: Path) -> None:
    write_rows(d4rl_folder / CHEETAH_FILE, robot_rows())
    name = "d4rl/halfcheetah-medium-v2"
    assert_same(load_dataset(name, memory_map=True), load_dataset(name))
    assert_same(load_d4rl(name, memory_map=True), load_d4rl(name))


def test_files_of_mts3s_authors(cache: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    walks = generator.normal(size=(3, 9, 2)).cumsum(1)
    content = {
        "train_obs": walks[:, :-1],
        "train_act": generator.normal(size=(3, 8, 1)),
        "train_targets": walks[:, 1:],
        "normalizer": {"observations": (np.zeros(2), np.ones(2)), "actions": (np.zeros(1), np.ones(1))},
    }
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(content))
    assert_same(*(load_dataset(tmp_path / "data.pkl", memory_map=on) for on in (True, None)))


def test_one_file_cut_in_two_ways_is_two_data_sets_on_disk(cache: Path, tmp_path: Path) -> None:
    rows = maze_rows((700,))
    rows["timeouts"][:] = False
    path = write_rows(tmp_path / "data.hdf5", rows)
    for name, episodes in (("maze2d-umaze-v1", 3), ("maze2d-medium-v1", 2)):
        assert len(load_dataset(f"{path}@{name}", memory_map=True).episodes) == episodes
        assert_same(load_dataset(f"{path}@{name}", memory_map=True), load_dataset(f"{path}@{name}"))


def test_it_is_written_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_rows(tmp_path / CHEETAH_FILE, robot_rows())
    first = load_dataset(path, memory_map=True)
    monkeypatch.setattr(memory_map, "select_episode", None)
    assert load_dataset(path, memory_map=True).content_hash == first.content_hash


def test_large_data_goes_to_disk_by_itself(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_rows(tmp_path / CHEETAH_FILE, robot_rows())
    bytes_of_it = 20 * (4 * (17 + 6 + 1) + 2)
    for limit, expected in ((bytes_of_it, tuple), (bytes_of_it - 1, MappedEpisodes)):
        monkeypatch.setattr(raw_dataset, "AUTOMATIC_ABOVE", limit)
        assert isinstance(load_dataset(path).episodes, expected)
    assert isinstance(load_dataset(path, memory_map=False).episodes, tuple)


def test_wrong_numbers_leave_nothing(cache: Path, tmp_path: Path) -> None:
    rows = robot_rows()
    rows["observations"][12, 3] = rows["next_observations"][11, 3] = np.nan
    with pytest.raises(NonFiniteDataError, match="episode 2, step 1"):
        load_dataset(write_rows(tmp_path / CHEETAH_FILE, rows), memory_map=True)
    assert [path.name for path in cache.iterdir()] == []
