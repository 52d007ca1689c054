"""Data sets that stay on disk, from real Minari files."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from random_walks import write_walks

from mbrl_mts3.data import WindowSampler, load_minari, memory_map
from mbrl_mts3.data.mapped_episodes import MappedEpisodes
from mbrl_mts3.errors import DataError

ID = "mine/walk-v0"


@pytest.fixture
def cache(minari_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_walks(ID, lengths=(20, 7, 31), goal=True)
    return tmp_path / "cache" / "mbrl_mts3" / "mapped"


def folders(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def test_it_is_the_same_data_set(cache: Path) -> None:
    mapped, plain = load_minari(ID, memory_map=True), load_minari(ID)
    assert isinstance(mapped.episodes, MappedEpisodes)
    assert isinstance(plain.episodes, tuple)
    for name in ("dataset_id", "content_hash", "selector", "observation_space", "action_space", "env_id"):
        assert getattr(mapped, name) == getattr(plain, name)
    assert mapped.total_steps == plain.total_steps == 58
    one, other = (WindowSampler(dataset.episodes, 9).batch(torch.arange(36)) for dataset in (mapped, plain))
    for first, second in zip(one.tensors(), other.tensors(), strict=True):
        assert torch.equal(first, second)
    assert len(folders(cache)) == 2
    assert f"{plain.content_hash}-" in "".join(folders(cache))


def test_the_second_time_nothing_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_minari(ID, memory_map=True)
    monkeypatch.setattr(memory_map, "select_episode", None)
    assert load_minari(ID, memory_map=True).content_hash == first.content_hash


def test_other_selections_and_other_data_have_places_of_their_own(cache: Path) -> None:
    all_of_it = load_minari(ID, memory_map=True)
    part = load_minari(ID, ["observation/1"], memory_map=True)
    assert part.content_hash == all_of_it.content_hash
    assert part.episodes[0].observations.shape == (21, 1)
    write_walks(ID, lengths=(20, 7), seed=1)
    changed = load_minari(ID, memory_map=True)
    assert (len(changed.episodes), changed.content_hash == part.content_hash) == (2, False)
    # What is open stays readable, whatever is written beside.
    np.testing.assert_array_equal(all_of_it.episodes[0].observations[:, 1:2], part.episodes[0].observations)


def test_what_was_deleted_is_made_anew(cache: Path) -> None:
    first = load_minari(ID, memory_map=True)
    (made,) = (path for path in cache.iterdir() if path.name != "known")
    shutil.rmtree(made)
    assert load_minari(ID, memory_map=True).content_hash == first.content_hash
    assert json.loads(next((cache / "known").iterdir()).read_text())["content_hash"] == first.content_hash


def test_a_folder_can_be_given(cache: Path, tmp_path: Path) -> None:
    load_minari(ID, memory_map=True, cache=tmp_path / "here")
    assert not cache.exists()
    assert len(folders(tmp_path / "here")) == 2


def test_large_data_stays_on_disk_by_itself(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_of_it = 58 * (4 * (3 + 2 + 1) + 2)
    for limit, expected in ((bytes_of_it, tuple), (bytes_of_it - 1, MappedEpisodes)):
        monkeypatch.setattr("mbrl_mts3.data.formats.minari_reader.AUTOMATIC_ABOVE", limit)
        assert isinstance(load_minari(ID).episodes, expected)
    assert isinstance(load_minari(ID, memory_map=False).episodes, tuple)


def test_data_that_cannot_be_read_leaves_nothing(cache: Path) -> None:
    damaged = next(Path(cache.parents[2] / "minari").rglob("main_data.hdf5"))
    damaged.write_bytes(damaged.read_bytes()[:3000])
    with pytest.raises(DataError, match="damaged"):
        load_minari(ID, memory_map=True)
    assert not cache.exists() or not folders(cache)


@pytest.mark.parametrize("name", ["observations.npy", "lengths.npy", "terminations.npy", "known"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "other", "zeros"])
def test_what_is_damaged_is_made_anew_with_a_warning(cache: Path, name: str, damage: str) -> None:
    whole = load_minari(ID, memory_map=True)
    expected = [episode.observations.copy() for episode in whole.episodes]
    path = next((cache / "known").iterdir()) if name == "known" else next(cache.rglob(name))
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(
            {"empty": b"", "cut": content[: len(content) // 2], "other": b"[1]", "zeros": bytes(len(content))}[damage]
        )
    if (name, damage) == ("known", "gone"):
        again = load_minari(ID, memory_map=True)
    else:
        with pytest.warns(UserWarning, match="damaged and made anew"):
            again = load_minari(ID, memory_map=True)
    for episode, observations in zip(again.episodes, expected, strict=True):
        np.testing.assert_array_equal(episode.observations, observations)


@pytest.mark.parametrize(
    "name", ["observations.npy", "actions.npy", "rewards.npy", "truncations.npy", "episode_ids.npy"]
)
def test_one_bit_is_enough_damage(cache: Path, name: str) -> None:
    load_minari(ID, memory_map=True)
    path = next(cache.rglob(name))
    content = bytearray(path.read_bytes())
    content[-1 - len(content) % 7] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="the checksums of its files are wrong"):
        again = load_minari(ID, memory_map=True)
    for episode, expected in zip(again.episodes, load_minari(ID).episodes, strict=True):
        np.testing.assert_array_equal(episode.actions, expected.actions)
    assert path.read_bytes() != content
