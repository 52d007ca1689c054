"""Windows are cut from episodes whose values encode episode and step, so that every entry can be checked."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mbrl_mts3.data import Normalizer, RandomWindowLoader, WindowBatch, WindowSampler
from mbrl_mts3.errors import ConfigurationError, EpisodeTooShortError

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=6)


def all_windows(sampler: WindowSampler) -> WindowBatch:
    return sampler.batch(torch.arange(len(sampler)))


def places_of(lengths: list[int], length: int) -> list[tuple[int, int]]:
    """By the number of the window: the place of its episode, and its first step in it."""
    return [(place, start) for place, n in enumerate(lengths) for start in range(max(n - length, 0) + 1)]


@given(lengths=LENGTHS, length=st.integers(1, 20))
def test_every_window_is_one_piece_of_one_episode(make_episode: Any, lengths: list[int], length: int) -> None:
    sampler = WindowSampler([make_episode(n, number + 1) for number, n in enumerate(lengths)], length)
    batch = all_windows(sampler)
    assert len(sampler) == len(places_of(lengths, length))
    for window, (place, start) in enumerate(places_of(lengths, length)):
        steps = min(length, lengths[place] - start)
        number, time = place + 1.0, np.arange(start, start + length + 1)
        expected_observations = np.zeros((length + 1, 2))
        expected_observations[: steps + 1] = np.stack([np.full(steps + 1, number), time[: steps + 1]], axis=1)
        expected_actions = np.zeros((length, 2))
        expected_actions[:steps] = np.stack([np.full(steps, number + 0.5), time[:steps]], axis=1)
        expected_rewards = np.where(np.arange(length) < steps, 1000 * number + time[:-1], 0)
        np.testing.assert_array_equal(batch.observations[window], expected_observations)
        np.testing.assert_array_equal(batch.actions[window], expected_actions)
        np.testing.assert_array_equal(batch.rewards[window], expected_rewards)
        np.testing.assert_array_equal(batch.valid[window], np.arange(length) < steps)


@given(lengths=LENGTHS, length=st.integers(1, 20))
def test_every_step_is_reached_and_only_short_episodes_are_padded(
    make_episode: Any, lengths: list[int], length: int
) -> None:
    sampler = WindowSampler([make_episode(n, number + 1) for number, n in enumerate(lengths)], length)
    batch = all_windows(sampler)
    reached = set(batch.rewards[batch.valid].tolist())
    assert reached == {1000.0 * (number + 1) + t for number, n in enumerate(lengths) for t in range(n)}
    assert len(sampler) == sum(max(n - length, 0) + 1 for n in lengths)
    for window, (place, _) in enumerate(places_of(lengths, length)):
        assert int(batch.valid[window].sum()) == min(length, lengths[place])


@given(lengths=LENGTHS, length=st.integers(1, 20), stride=st.integers(1, 12))
def test_a_grid_reaches_the_last_step_of_each_episode(
    make_episode: Any, lengths: list[int], length: int, stride: int
) -> None:
    sampler = WindowSampler([make_episode(n, number + 1) for number, n in enumerate(lengths)], length)
    starts: dict[int, list[int]] = {}
    for window in sampler.grid(stride).tolist():
        place, start = places_of(lengths, length)[window]
        starts.setdefault(place, []).append(start)
    for place, n in enumerate(lengths):
        last = max(n - length, 0)
        assert starts[place] == sorted({*range(0, last + 1, stride), last})


@given(seed=st.integers(0, 2**31), epoch=st.integers(0, 1000), batches=st.integers(1, 4))
def test_equal_seeds_give_equal_batches(make_episode: Any, seed: int, epoch: int, batches: int) -> None:
    sampler = WindowSampler([make_episode(20, 1), make_episode(3, 2), make_episode(11, 3)], 5)
    first = list(sampler.random_batches(8, batches, seed, epoch))
    again = list(sampler.random_batches(8, batches, seed, epoch))
    assert [len(batch.valid) for batch in first] == [8] * batches
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one.tensors(), other.tensors(), strict=True):
            assert torch.equal(a, b)


def test_other_seeds_and_epochs_give_other_batches(make_episode: Any) -> None:
    sampler = WindowSampler([make_episode(200)], 5)
    orders = [next(sampler.random_batches(64, 1, *key)).rewards for key in [(0, 0), (0, 1), (1, 0)]]
    assert not torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    assert not torch.equal(orders[1], orders[2])


def test_no_window_comes_twice_before_all_have_come(make_episode: Any) -> None:
    sampler = WindowSampler([make_episode(24)], 5)
    firsts = [t for batch in sampler.random_batches(5, 8, seed=3) for t in batch.rewards[:, 0].tolist()]
    assert sorted(firsts[:20]) == sorted(firsts[20:]) == [1000.0 + t for t in range(20)]


def test_a_batch_of_one_is_one_of_a_batch(make_episode: Any) -> None:
    sampler = WindowSampler([make_episode(9, 1), make_episode(2, 2)], 4)
    together = all_windows(sampler)
    for window in range(len(sampler)):
        for alone, one in zip(sampler.batch([window]).tensors(), together[window : window + 1].tensors(), strict=True):
            assert torch.equal(alone, one)


def test_termination_is_kept_at_its_step(make_episode: Any) -> None:
    sampler = WindowSampler([make_episode(6, terminated=True), make_episode(3, 2, terminated=True)], 4)
    batch = all_windows(sampler)
    assert batch.terminations.tolist() == [[False] * 4, [False] * 4, [False] * 3 + [True], [False] * 2 + [True, False]]


def test_short_episodes_are_left_out_where_asked(make_episode: Any) -> None:
    sampler = WindowSampler([make_episode(3, 1), make_episode(8, 2)], 5, min_length=5)
    assert all_windows(sampler).valid.all()
    assert all_windows(sampler).observations[:, 0].tolist() == [[2.0, start] for start in range(4)]


@pytest.mark.parametrize("steps", [[], [3], [3, 4]])
def test_no_episode_that_is_long_enough(make_episode: Any, steps: list[int]) -> None:
    with pytest.raises(EpisodeTooShortError, match=r"none of \d episodes? has 5 steps, the longest has"):
        WindowSampler([make_episode(n) for n in steps], 5, min_length=5)


@pytest.mark.parametrize("indices", [[], [-1], [4]])
def test_window_numbers_out_of_range_are_refused(make_episode: Any, indices: list[int]) -> None:
    with pytest.raises(IndexError):
        WindowSampler([make_episode(8)], 5).batch(indices)


def test_sizes_below_one_are_refused(make_episode: Any) -> None:
    with pytest.raises(ConfigurationError):
        WindowSampler([make_episode(8)], 0)
    with pytest.raises(ConfigurationError):
        WindowSampler([make_episode(8)], 3).grid(0)
    with pytest.raises(ConfigurationError):
        RandomWindowLoader(WindowSampler([make_episode(8)], 3), batch_size=0)


def test_normalized_padding_stays_zero(make_episode: Any) -> None:
    episodes = [make_episode(20, 1), make_episode(3, 2)]
    normalizer = Normalizer.fit(episodes)
    batch = all_windows(WindowSampler(episodes, 5))
    normalized = batch.normalize(normalizer)
    short = normalized[-1]
    assert short.valid.tolist() == [True] * 3 + [False] * 2
    assert not short.observations[4:].any()
    assert not short.actions[3:].any()
    assert not short.rewards[3:].any()
    expected = (batch.observations[-1, :4] - normalizer.observation_mean) / normalizer.observation_scale
    torch.testing.assert_close(short.observations[:4], expected)


def test_groups_of_equal_length_have_no_padding_and_lose_nothing(make_episode: Any) -> None:
    batch = all_windows(WindowSampler([make_episode(n, n) for n in (3, 7, 2, 5, 3)], 5))
    found = {}
    for rows, windows in batch.by_length():
        assert windows.valid.all()
        length = windows.actions.shape[1]
        for row, place in enumerate(rows.tolist()):
            found[place] = length
            assert torch.equal(windows.observations[row], batch.observations[place, : length + 1])
            for name in ("actions", "rewards", "terminations"):
                assert torch.equal(getattr(windows, name)[row], getattr(batch, name)[place, :length])
    assert [found[place] for place in range(len(batch.valid))] == [3, 5, 5, 5, 2, 5, 3]


class TestRandomWindowLoader:
    def test_epochs_follow_the_sampler(self, make_episode: Any) -> None:
        sampler = WindowSampler([make_episode(50)], 5)
        loader = RandomWindowLoader(sampler, 4, 3, seed=9)
        passes = [torch.cat([batch.rewards for batch in loader]) for _ in range(2)]
        for epoch, rewards in enumerate(passes):
            expected = torch.cat([batch.rewards for batch in sampler.random_batches(4, 3, seed=9, epoch=epoch)])
            assert torch.equal(rewards, expected)

    def test_resumes_at_an_epoch(self, make_episode: Any) -> None:
        sampler = WindowSampler([make_episode(50)], 5)
        through = RandomWindowLoader(sampler, 4, 3)
        third = [torch.cat([batch.rewards for batch in through]) for _ in range(3)][2]
        resumed = RandomWindowLoader(sampler, 4, 3)
        resumed.set_epoch(2)
        assert torch.equal(torch.cat([batch.rewards for batch in resumed]), third)

    @pytest.mark.parametrize("in_memory", [True, False])
    def test_processes_share_out_the_batches_of_one(
        self, make_episode: Any, monkeypatch: pytest.MonkeyPatch, in_memory: bool
    ) -> None:
        monkeypatch.setattr("mbrl_mts3.data.windows._SHUFFLED_IN_MEMORY", 1000 if in_memory else 3)
        sampler = WindowSampler([make_episode(50)], 5)
        whole = list(RandomWindowLoader(sampler, 6, 9, seed=2))
        shares = []
        for process in range(3):
            loader = RandomWindowLoader(sampler, 6, 9, seed=2)
            loader.rows = slice(2 * process, 2 * process + 2)
            shares.append(list(loader))
        for batch, parts in zip(whole, zip(*shares, strict=True), strict=True):
            assert torch.equal(torch.cat([part.rewards for part in parts]), batch.rewards)

    @pytest.mark.parametrize(("batch_size", "num_batches", "expected"), [(4, 7, 7), (4, None, 11), (99, None, 1)])
    def test_length_is_the_number_of_batches(
        self, make_episode: Any, batch_size: int, num_batches: int | None, expected: int
    ) -> None:
        loader = RandomWindowLoader(WindowSampler([make_episode(50)], 5), batch_size, num_batches)
        assert len(loader) == len(list(loader)) == expected
