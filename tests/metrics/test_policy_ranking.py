"""Rankings of policies against counts by hand."""

import itertools
import math

import numpy as np
import pytest

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import PolicyRanking


def spearman_by_hand(first: list[float], second: list[float]) -> float:
    """1 - 6 sum d^2 / (n (n^2 - 1)), for values without ties."""
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    n = len(first)
    return 1 - 6 * float(np.square(ranks[0] - ranks[1]).sum()) / (n * (n**2 - 1))


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_rank_correlation_is_the_textbook_s(order: tuple[int, ...]) -> None:
    true = [1.0, 4.0, 9.0, 16.0]
    estimates = [float(np.exp(place)) for place in order]
    assert PolicyRanking.from_values(estimates, true).rank_correlation == pytest.approx(
        spearman_by_hand(estimates, true)
    )


def test_regret_is_what_the_chosen_policy_lacks() -> None:
    ranking = PolicyRanking.from_values([0.0, 9.0, 8.0], [-10.0, 20.0, 30.0])
    assert ranking.regret == 10.0
    assert ranking.normalised_regret == pytest.approx(0.25)
    assert ranking.mean_absolute_error == pytest.approx((10 + 11 + 22) / 3)
    assert ranking.correlation == pytest.approx(np.corrcoef([0.0, 9.0, 8.0], [-10.0, 20.0, 30.0])[0, 1])


def test_the_right_choice_has_no_regret_however_wrong_the_scale() -> None:
    ranking = PolicyRanking.from_values([-1e6, 1e6, 0], [1, 3, 2])
    assert (ranking.regret, ranking.normalised_regret, ranking.rank_correlation) == (0.0, 0.0, 1.0)


@pytest.mark.filterwarnings("error")
def test_equal_values_have_no_order() -> None:
    ranking = PolicyRanking.from_values([1, 2], [5, 5])
    assert math.isnan(ranking.rank_correlation)
    assert ranking.normalised_regret == 0.0


@pytest.mark.parametrize(
    ("estimates", "values", "message"),
    [([1], [1], "two or more"), ([1, 2], [1, 2, 3], "estimate and one value"), ([1, math.nan], [1, 2], "not finite")],
)
def test_what_cannot_be_ranked_is_refused(estimates: list[float], values: list[float], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        PolicyRanking.from_values(estimates, values)
