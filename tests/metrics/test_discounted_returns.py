"""Sums of rewards, by hand."""

import numpy as np

from mbrl_mts3.metrics import discounted_returns


def test_sums_are_weighted_and_cut() -> None:
    rewards = np.array([[1.0, 2.0, 4.0], [8.0, 0.0, 0.0]])
    np.testing.assert_allclose(discounted_returns(rewards), [7.0, 8.0])
    np.testing.assert_allclose(discounted_returns(rewards, 0.5), [1 + 1 + 1, 8.0])
    np.testing.assert_allclose(discounted_returns(rewards, 0.5, horizon=2), [2.0, 8.0])
    np.testing.assert_allclose(discounted_returns(rewards, horizon=9), [7.0, 8.0])
    assert discounted_returns(rewards[0], 0.5) == 3.0
