import itertools

import numpy as np
import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import sliding_mean, window_starts


@pytest.mark.parametrize("steps", [1, 7, 10, 23])
@pytest.mark.parametrize("window", [1, 4, 7])
@pytest.mark.parametrize("stride", [1, 3, 50])
def test_windows_stay_inside_and_reach_the_last_step(steps: int, window: int, stride: int) -> None:
    if window > steps:
        with pytest.raises(ConfigurationError, match=f"does not fit {steps} steps"):
            window_starts(steps, window, stride)
        return
    starts = window_starts(steps, window, stride)
    assert starts[0] == 0
    assert starts[-1] + window == steps
    assert starts == sorted(set(starts))
    assert all(b - a <= stride for a, b in itertools.pairwise(starts))


@pytest.mark.parametrize(("window", "stride"), [(0, 1), (3, 0)])
def test_options_below_one_are_refused(window: int, stride: int) -> None:
    with pytest.raises(ConfigurationError):
        window_starts(5, window, stride)


def test_means_equal_numpy_average() -> None:
    generator = np.random.default_rng(0)
    values, weights = generator.normal(size=11), generator.integers(1, 9, size=11).astype(float)
    expected = [np.average(values[s : s + 4], weights=weights[s : s + 4]) for s in (0, 3, 6, 7)]
    means = sliding_mean(torch.tensor(values), torch.tensor(weights), window=4, stride=3)
    np.testing.assert_allclose(means.numpy(), expected)
