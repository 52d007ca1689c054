"""Episodes on disk equal those in memory, window by window."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mbrl_mts3.data import Normalizer, WindowSampler, split_episodes
from mbrl_mts3.data.mapped_episodes import MappedArray, MappedEpisodes, episode_lengths
from mbrl_mts3.errors import DataError, EpisodeTooShortError

FIELDS = ("observations", "actions", "rewards", "terminations", "truncations", "episode_id")


@pytest.fixture
def mapped(tmp_path: Path) -> Any:
    def write(episodes: list[Any], name: str = "mapped") -> MappedEpisodes:
        (tmp_path / name).mkdir()
        MappedEpisodes.write(iter(episodes), tmp_path / name)
        return MappedEpisodes.open(tmp_path / name)

    return write


def assert_same(one: Any, other: Any) -> None:
    for name in FIELDS:
        first, second = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(first, second)
        assert np.asarray(first).dtype == np.asarray(second).dtype


def test_episodes_come_back_as_they_were(make_episode: Any, mapped: Any) -> None:
    episodes = [make_episode(n, n, terminated=n % 2 == 0) for n in (3, 1, 8, 5)]
    found = mapped(episodes)
    assert (len(found), episode_lengths(found).tolist()) == (4, [3, 1, 8, 5])
    for one, other in zip(found, episodes, strict=True):
        assert_same(one, other)
    assert_same(found[-1], episodes[-1])
    for one, other in zip(found[1:3], episodes[1:3], strict=True):
        assert_same(one, other)
    with pytest.raises(IndexError):
        found[4]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    length=st.integers(1, 12),
    min_length=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_windows_equal_those_in_memory(
    make_episode: Any, tmp_path_factory: Any, lengths: list[int], length: int, min_length: int, seed: int
) -> None:
    episodes = [make_episode(n, number + 1, terminated=number % 2 == 0) for number, n in enumerate(lengths)]
    folder = tmp_path_factory.mktemp("mapped")
    MappedEpisodes.write(episodes, folder)
    on_disk = MappedEpisodes.open(folder)
    if max(lengths) < min_length:
        with pytest.raises(EpisodeTooShortError):
            WindowSampler(on_disk, length, min_length=min_length)
        return
    samplers = [WindowSampler(source, length, min_length=min_length) for source in (episodes, on_disk)]
    assert len({len(sampler) for sampler in samplers}) == 1
    assert {(sampler.observation_dim, sampler.action_dim) for sampler in samplers} == {(2, 2)}
    for one, other in zip(*(sampler.random_batches(7, 3, seed) for sampler in samplers), strict=True):
        for first, second in zip(one.tensors(), other.tensors(), strict=True):
            assert torch.equal(first, second)
            assert first.dtype == second.dtype
    whole = [sampler.batch(range(len(sampler))) for sampler in samplers]
    for first, second in zip(whole[0].tensors(), whole[1].tensors(), strict=True):
        assert torch.equal(first, second)


def test_splits_and_normalizers_are_the_same_and_stay_on_disk(make_episode: Any, mapped: Any) -> None:
    episodes = [make_episode(n, n) for n in range(3, 20)]
    found = mapped(episodes)
    on_disk, in_memory = (split_episodes(source, (0.6, 0.2, 0.2), seed=5) for source in (found, episodes))
    for name in ("train", "validation", "test"):
        part = getattr(on_disk, name)
        assert isinstance(part, MappedEpisodes)
        for one, other in zip(part, getattr(in_memory, name), strict=True):
            assert_same(one, other)
    for one, other in zip(
        Normalizer.fit(on_disk.train).tensors(), Normalizer.fit(in_memory.train).tensors(), strict=True
    ):
        assert torch.equal(one, other)


def test_memory_is_given_back_and_read_anew(make_episode: Any, mapped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    episodes = [make_episode(n, n) for n in range(3, 20)]
    found = mapped(episodes)
    released: list[MappedArray] = []
    release = MappedArray.release
    monkeypatch.setattr(MappedArray, "release", lambda self: (released.append(self), release(self)))
    monkeypatch.setattr("mbrl_mts3.data.mapped_episodes._KEPT", 300)
    kept = list(found)
    assert len(released) >= 10
    for one, other in zip(kept, episodes, strict=True):
        assert_same(one, other)


def test_no_episodes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no episode"):
        MappedEpisodes.write([], tmp_path)


@pytest.mark.parametrize("name", ["observations", "rewards", "lengths", "terminations"])
def test_damaged_files_are_refused(make_episode: Any, mapped: Any, tmp_path: Path, name: str) -> None:
    mapped([make_episode(4), make_episode(6)])
    path = tmp_path / "mapped" / f"{name}.npy"
    whole = path.read_bytes()
    for content in (whole[:-4], b"", whole[:20]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="delete"):
            MappedEpisodes.open(tmp_path / "mapped")
    path.unlink()
    with pytest.raises(DataError, match="delete"):
        MappedEpisodes.open(tmp_path / "mapped")


def test_arrays_are_what_numpy_reads(make_episode: Any, mapped: Any, tmp_path: Path) -> None:
    mapped([make_episode(4), make_episode(6)])
    for path in (tmp_path / "mapped").iterdir():
        np.testing.assert_array_equal(MappedArray(path).values, np.load(path))
