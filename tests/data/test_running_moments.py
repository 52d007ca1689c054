"""Statistics of pieces against NumPy's of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbrl_mts3.data.checks.statistics import StreamSubsample
from mbrl_mts3.data.normalizer import RunningMoments


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=8), offset=st.sampled_from([0.0, -3.0, 1e6]))
def test_pieces_give_the_statistics_of_the_whole(sizes: list[int], offset: float) -> None:
    rows = np.random.default_rng(0).normal(offset, [1.0, 5.0], (sum(sizes) + 1, 2))
    moments = RunningMoments()
    for piece in np.split(rows, np.cumsum(sizes)):
        moments.add(piece)
    assert moments.count == len(rows)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moments.deviation, rows.std(0), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(moments.low, rows.min(0))
    np.testing.assert_array_equal(moments.high, rows.max(0))


def test_rows_that_are_not_finite_are_counted_and_left_out() -> None:
    moments = RunningMoments()
    moments.add(np.array([[1.0, 2.0], [np.nan, 5.0], [3.0, np.inf], [3.0, 4.0]]))
    moments.add(np.zeros((0, 2)))
    assert (moments.count, moments.non_finite) == (2, 2)
    assert moments.mean.tolist() == [2.0, 3.0]


@given(sizes=st.lists(st.integers(0, 30), max_size=20), capacity=st.integers(2, 50))
def test_a_subsample_of_a_stream_is_every_kth_row(sizes: list[int], capacity: int) -> None:
    subsample = StreamSubsample(capacity)
    for piece in np.split(np.arange(sum(sizes)), np.cumsum(sizes))[:-1]:
        subsample.add(piece)
    kept = subsample.rows
    assert len(kept) <= capacity
    every = 1
    while -(-sum(sizes) // every) > capacity:
        every *= 2
    np.testing.assert_array_equal(kept, np.arange(0, sum(sizes), every))


@pytest.mark.parametrize("shape", [(5,), (5, 2)])
def test_shapes_of_rows_are_kept(shape: tuple[int, ...]) -> None:
    moments = RunningMoments()
    moments.add(np.ones(shape))
    assert moments.mean.shape == moments.deviation.shape == shape[1:]
