"""A permutation that is computed where it is asked for is a permutation, and looks random."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mbrl_mts3.data import WindowSampler
from mbrl_mts3.data.windows import LazyPermutation


@given(count=st.integers(1, 3000), seed=st.integers(0, 2**31))
def test_every_number_comes_once(count: int, seed: int) -> None:
    order = LazyPermutation(count, np.random.default_rng(seed))(np.arange(count))
    assert sorted(order.tolist()) == list(range(count))


def test_parts_equal_the_whole() -> None:
    order = LazyPermutation(10**12 + 39, np.random.default_rng(3))
    places = np.random.default_rng(0).integers(10**12, size=100)
    assert order(places).tolist() == [int(order(place[None])[0]) for place in places]
    assert order(places).max() < 10**12 + 39
    assert len(set(order(np.arange(1000)).tolist())) == 1000


def test_it_looks_random() -> None:
    count = 50_000
    first, second = (LazyPermutation(count, np.random.default_rng(seed))(np.arange(count)) for seed in (0, 1))
    assert (first == second).sum() < 20  # one is expected by chance
    for order in (first, second):
        # Neither places nor neighbours tell where an entry is.
        assert stats.spearmanr(order, np.arange(count)).pvalue > 1e-3
        assert stats.spearmanr(order[1:], order[:-1]).pvalue > 1e-3
        # The first entries are spread like a uniform sample.
        assert stats.kstest(order[:2000] / count, "uniform").pvalue > 1e-3


class TestInASampler:
    @pytest.fixture(autouse=True)
    def _small_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mbrl_mts3.data.windows._SHUFFLED_IN_MEMORY", 3)

    def test_no_window_comes_twice_before_all_have_come(self, make_episode: Any) -> None:
        sampler = WindowSampler([make_episode(24)], 5)
        firsts = [t for batch in sampler.random_batches(6, 10, seed=3) for t in batch.rewards[:, 0].tolist()]
        expected = [1000.0 + t for t in range(20)]
        assert [sorted(firsts[first : first + 20]) for first in (0, 20, 40)] == [expected] * 3
        assert firsts[:20] != firsts[20:40]

    def test_equal_seeds_give_equal_batches_others_do_not(self, make_episode: Any) -> None:
        sampler = WindowSampler([make_episode(90)], 5)
        orders = {
            key: torch.cat([batch.rewards for batch in sampler.random_batches(8, 4, *key)])
            for key in [(0, 0), (0, 1), (1, 0)]
        }
        again = torch.cat([batch.rewards for batch in sampler.random_batches(8, 4, 0, 0)])
        assert torch.equal(orders[0, 0], again)
        assert not torch.equal(orders[0, 0], orders[0, 1])
        assert not torch.equal(orders[0, 0], orders[1, 0])
