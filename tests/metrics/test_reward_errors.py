"""Errors of rewards, by hand."""

import math

import numpy as np
import pytest

from mbrl_mts3.errors import ShapeError
from mbrl_mts3.metrics import RewardErrors


def test_the_numbers_are_those_of_the_definitions() -> None:
    true, guess = np.array([0.0, 1.0, 2.0, 5.0]), np.array([1.0, 1.0, 4.0, 4.0])
    errors = RewardErrors.from_rewards(guess, true)
    assert errors.count == 4
    assert errors.rmse == pytest.approx(math.sqrt(6 / 4))
    assert errors.nrmse == pytest.approx(math.sqrt(6 / 4) / math.sqrt(14 / 4))
    assert (errors.bias, errors.maximum) == (0.5, 2.0)
    assert errors.correlation == pytest.approx(np.corrcoef(guess, true)[0, 1])
    assert errors.to_json()["bias"] == 0.5


@pytest.mark.filterwarnings("error")
def test_constant_rewards_have_no_scale() -> None:
    errors = RewardErrors.from_rewards(np.array([0.0, 1.0]), np.zeros(2))
    assert math.isnan(errors.nrmse)
    assert math.isnan(errors.correlation)
    assert errors.rmse == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize(("guess", "true"), [(np.zeros(2), np.zeros(3)), (np.zeros(0), np.zeros(0))])
def test_what_cannot_be_compared_is_refused(guess: np.ndarray, true: np.ndarray) -> None:
    with pytest.raises(ShapeError, match="as many predicted rewards"):
        RewardErrors.from_rewards(guess, true)
