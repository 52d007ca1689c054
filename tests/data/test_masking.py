from itertools import groupby, islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mbrl_mts3.data import MaskSampler, context_mask
from mbrl_mts3.data.masking import MissingObservations
from mbrl_mts3.errors import ConfigurationError


def draw(sampler: MaskSampler, batch: int = 4000, length: int = 60, progress: float = 1.0, seed: int = 0) -> Tensor:
    return sampler.sample(batch, length, torch.Generator().manual_seed(seed), progress)


@given(
    length=st.integers(1, 40),
    period=st.integers(1, 50),
    rates=st.tuples(*[st.floats(0, 1)] * 3),
    progress=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_shape_first_step_and_seed(
    length: int, period: int, rates: tuple[float, float, float], progress: float, seed: int
) -> None:
    sampler = MaskSampler(period, *rates)
    mask = draw(sampler, 8, length, progress, seed)
    assert mask.shape == (8, length)
    assert mask.dtype == torch.bool
    assert mask[:, 0].all()
    assert torch.equal(mask, draw(sampler, 8, length, progress, seed))


@given(length=st.integers(2, 40), seed=st.integers(0, 2**31))
def test_a_suffix_is_hidden_to_the_end(length: int, seed: int) -> None:
    mask = draw(MaskSampler(5, step_rate=0, suffix_probability=1), 16, length, seed=seed)
    context = mask.sum(dim=1)
    assert torch.equal(mask, torch.arange(length) < context[:, None])
    assert (context >= 1).all()
    assert (context <= length - 1).all()


def test_every_context_length_is_equally_likely() -> None:
    mask = draw(MaskSampler(5, step_rate=0, suffix_probability=1), 40_000, 11)
    shares = torch.bincount(mask.sum(dim=1), minlength=12)[1:11] / len(mask)
    torch.testing.assert_close(shares, torch.full((10,), 0.1), atol=0.01, rtol=0)


@given(length=st.integers(1, 40), period=st.integers(1, 12), seed=st.integers(0, 2**31))
def test_windows_are_hidden_as_a_whole_and_never_the_first(length: int, period: int, seed: int) -> None:
    mask = draw(MaskSampler(period, step_rate=0, window_rate_max=1, suffix_probability=0), 16, length, seed=seed)
    for first in range(0, length, period):
        window = mask[:, first : first + period]
        assert (window.all(dim=1) | ~window.any(dim=1)).all()
    assert mask[:, :period].all()


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 0.025), (0.5, 0.2), (1.0, 0.375)])
def test_the_curriculum_raises_the_rate_of_windows(progress: float, expected: float) -> None:
    """The rate is uniform between 0 and a limit that grows from 0.05 to 0.75, so its mean is half the limit."""
    mask = draw(MaskSampler(5, step_rate=0, suffix_probability=0), progress=progress)
    assert 1 - mask[:, 5:].float().mean().item() == pytest.approx(expected, abs=0.02)


def test_the_rate_of_windows_differs_between_sequences() -> None:
    mask = draw(MaskSampler(1, step_rate=0, suffix_probability=0), length=400)
    rates = 1 - mask[:, 1:].float().mean(dim=1)
    # Uniform in [0, 0.75] has the deviation 0.75 / sqrt(12); one rate for all would leave about 0.024.
    assert rates.std().item() == pytest.approx(0.75 / 12**0.5, abs=0.01)


@pytest.mark.parametrize("suffix_probability", [0.0, 1.0])
def test_single_steps_are_hidden_at_their_rate(suffix_probability: float) -> None:
    sampler = MaskSampler(5, step_rate=0.15, window_rate_max=0, suffix_probability=suffix_probability)
    mask = draw(sampler, 20_000, 40)
    # Whatever the context, step 1 is behind it in one of 39 sequences.
    expected = 0.85 * (1 - suffix_probability / 39)
    assert mask[:, 1].float().mean().item() == pytest.approx(expected, abs=0.01)


def test_suffixes_come_at_their_probability() -> None:
    mask = draw(MaskSampler(5, step_rate=0, window_rate_max=0, suffix_probability=0.3), 20_000)
    assert (~mask[:, -1]).float().mean().item() == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("wrong", [{"step_rate": -0.1}, {"window_rate_max": 1.5}, {"suffix_probability": 2}])
def test_rates_outside_their_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        MaskSampler(5, **wrong)


def test_a_period_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="period"):
        MaskSampler(0)


def test_context_mask() -> None:
    assert context_mask(5, 2).tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("burst", [1, 20])
def test_the_share_of_missing_observations_is_the_rate_and_bursts_are_whole(rate: float, burst: int) -> None:
    steps = 100_000
    shown = np.array(list(islice(MissingObservations(rate, burst).shown(7), steps)))
    assert shown[0]
    # The deviation of a share over `steps / burst` independent bursts.
    assert 1 - shown.mean() == pytest.approx(rate, abs=4 * (rate * (1 - rate) * burst / steps) ** 0.5 + 1e-9)
    runs = [(flag, sum(1 for _ in group)) for flag, group in groupby(shown.tolist())][:-1]
    assert all(length % burst == 0 for flag, length in runs if not flag)


def test_single_missing_steps_are_independent_and_follow_the_seed() -> None:
    missing = MissingObservations(0.5)
    first, again, other = (np.array(list(islice(missing.shown(seed), 20_000))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    for one, two in ((first[1:], first[:-1]), (first[1:], other[1:])):
        assert abs(np.corrcoef(one, two)[0, 1]) < 0.03


@pytest.mark.parametrize(("rate", "burst"), [(1.0, 1), (-0.1, 1), (0.5, 0)])
def test_what_cannot_be_missing_is_refused(rate: float, burst: int) -> None:
    with pytest.raises(ConfigurationError, match="missing"):
        MissingObservations(rate, burst)
