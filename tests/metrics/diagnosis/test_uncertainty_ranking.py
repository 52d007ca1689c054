"""Rank correlations against SciPy's and by hand, and what a stop leaves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from mbrl_mts3.metrics.diagnosis import Cut, RankCorrelation, cut_rollouts
from mbrl_mts3.metrics.diagnosis.uncertainty_ranking import measure_cut, spearman

NAN = np.nan


def test_spearman_is_the_correlation_of_ranks() -> None:
    one, other = np.array([3.0, 1.0, 2.0, 2.0, 9.0]), np.array([30.0, 1.0, 5.0, 4.0, 7.0])
    # Ranks by hand; equal values share theirs.
    ranks = np.array([4.0, 1.0, 2.5, 2.5, 5.0]), np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    assert np.array_equal(rankdata(one), ranks[0])
    assert spearman(one, other) == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_spearman_leaves_out_what_is_not_known() -> None:
    one, other = np.array([[1.0, NAN], [2.0, 3.0], [7.0, 5.0]]), np.array([[2.0, 9.0], [4.0, NAN], [8.0, 6.0]])
    assert spearman(one, other) == pytest.approx(1.0)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 1.0, 1.0], [1.0, NAN, 2.0]])
def test_spearman_is_unknown_for_too_little(values: list[float]) -> None:
    assert spearman(np.array(values), np.arange(len(values), dtype=float)) is None


def test_growth_from_step_to_step_is_no_knowledge_within_a_step() -> None:
    """Uncertainty and error both grow with time, but at each step they order rollouts in opposite ways."""
    steps = np.array([0.0, 10.0, 20.0])
    uncertainty = steps + np.array([[1.0], [2.0], [3.0]])
    error = steps + np.array([[3.0], [2.0], [1.0]])
    found = RankCorrelation.from_values(uncertainty, error)
    assert found.within_steps == pytest.approx(-1.0)
    assert found.over_all == pytest.approx(1 - 6 * 3 * (4 + 0 + 4) / (9 * 80))
    unknown = RankCorrelation.from_values(np.ones((3, 2)), np.ones((3, 2)))
    assert unknown.to_json() == {"over_all": None, "within_steps": None}


def test_a_rollout_stops_before_its_first_uncertain_step() -> None:
    uncertainty = np.array([[1.0, 5.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0], [9.0, 0.0, 0.0, 0.0]])
    kept = cut_rollouts(uncertainty, 3.0)
    assert kept.tolist() == [[True, False, False, False], [True, True, True, False], [False] * 4]


def test_a_cut_has_the_share_and_the_errors_of_what_is_kept() -> None:
    kept = np.array([[True, True, False], [True, True, True]])
    state = np.array([[1.0, 2.0, 9.0], [3.0, NAN, NAN]])
    reward = np.array([[-1.0, 4.0, 9.0], [-1.0, NAN, NAN]])
    assert measure_cut(kept, state, reward) == Cut(kept=3 / 4, state_error=2.0, reward_error=2.0)
    assert measure_cut(np.zeros((2, 3), bool), state, reward) == Cut(0.0, None, None)
