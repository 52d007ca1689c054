"""Errors by step, by hand, and where rollouts should stop, on arrays whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.errors import ConfigurationError, ShapeError
from mbrl_mts3.metrics.diagnosis import ModelDiagnosis, RolloutErrors

Make = Callable[..., RolloutErrors]


def two_rollouts() -> RolloutErrors:
    """Two rollouts of two steps with three entries; the second one ends after its first step."""
    imagined = np.array([[[1.0, 0.0, 0.0], [4.0, 2.0, 0.0]], [[3.0, 3.0, 9.0], [99.0, 99.0, 99.0]]])
    return RolloutErrors(
        starts=np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]),
        imagined=imagined,
        true=np.zeros_like(imagined),
        imagined_rewards=np.array([[1.0, 2.0], [3.0, 50.0]]),
        true_rewards=np.array([[2.0, 0.0], [0.0, 0.0]]),
        running=np.array([[True, True], [True, False]]),
        scale=np.array([1.0, 2.0, 3.0]),
        function_rewards=np.array([[2.5, 1.0], [0.5, 8.0]]),
    )


def test_errors_by_step() -> None:
    found = two_rollouts().by_step()
    # In deviations: (1, 0, 0), then (4, 1, 0); (3, 1.5, 3), and nothing that counts.
    assert found.count.tolist() == [2, 1]
    assert found.state_mean.tolist() == pytest.approx([(1 / 3 + 2.5) / 2, 5 / 3])
    assert found.state_median.tolist() == pytest.approx([(0 + 3) / 2, 1.0])
    assert found.state_middle.tolist() == pytest.approx([(1 / 3 + 2.5) / 2, 5 / 3])
    assert found.state_unchanged.tolist() == pytest.approx([(1 / 3 + 0) / 2, 1 / 3])
    assert found.reward.tolist() == [2.0, 2.0]
    assert found.reward_bias.tolist() == [1.0, 2.0]
    assert found.reward_function is not None
    assert found.reward_function.tolist() == [0.5, 1.0]
    imagined, true = two_rollouts().returns()
    assert imagined.tolist() == [3.0, 3.0]
    assert true.tolist() == [2.0, 0.0]


def test_steps_that_nobody_reaches_have_no_error() -> None:
    ended = replace(two_rollouts(), running=np.array([[True, False], [True, False]]), function_rewards=None)
    assert np.isnan(ended.by_step().state_mean).tolist() == [False, True]
    assert ended.to_json()["by_step"]["state_mean"][1] is None
    assert "reward_function" not in ended.to_json()["by_step"]


def test_what_a_policy_earns_where_it_sees_the_truth() -> None:
    assert two_rollouts().to_json()["mean_closed_loop_return"] is None
    found = replace(two_rollouts(), closed_loop_returns=np.array([1.0, 4.0]))
    assert found.to_json()["mean_closed_loop_return"] == 2.5


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match=r"closed_loop_returns \(3,\) instead of \(2,\)"):
        replace(two_rollouts(), closed_loop_returns=np.ones(3))
    with pytest.raises(ShapeError, match=r"running \(2, 1\) instead of \(2, 2\)"):
        replace(two_rollouts(), running=np.ones((2, 1), bool))
    with pytest.raises(ShapeError, match=r"uncertainties\['mine'\] \(3,\) instead"):
        replace(two_rollouts(), uncertainties={"mine": np.ones(3)})


@pytest.fixture
def make() -> Make:
    """Rollouts with one entry and these errors (N, H), in deviations."""

    def made(error: Any, uncertainty: Any) -> RolloutErrors:
        error = np.asarray(error, np.float64)
        return RolloutErrors(
            starts=np.zeros((len(error), 1)),
            imagined=error[..., None],
            true=np.zeros((*error.shape, 1)),
            imagined_rewards=error,
            true_rewards=np.zeros_like(error),
            running=np.ones_like(error, dtype=bool),
            scale=np.ones(1),
            uncertainties={"epistemic": np.asarray(uncertainty, np.float64)},
        )

    return made


def diagnosis(behaviour: RolloutErrors, **others: RolloutErrors) -> ModelDiagnosis:
    horizon = behaviour.horizon
    return ModelDiagnosis({"behaviour": behaviour, **others}, np.zeros(horizon), (0.5, 0.9))


def test_rollouts_stop_where_they_become_worse_than_the_data_s(make: Make) -> None:
    """Uncertainty that is the error: the data's are 1 to 10, the policy's 3, and 20 at its third step."""
    behaviour = make(np.arange(1.0, 11.0).reshape(2, 5), np.arange(1.0, 11.0).reshape(2, 5))
    policy = make([[3.0, 3.0, 20.0, 3.0, 3.0]] * 2, [[3.0, 3.0, 20.0, 3.0, 3.0]] * 2)
    found = diagnosis(behaviour, learned=policy)
    assert found.policies == ("learned",)
    assert found.thresholds("epistemic") == {0.5: 5.5, 0.9: pytest.approx(9.1)}
    cuts = found.cuts("epistemic")
    assert list(cuts) == [0.5, 0.9, 1.0]
    assert cuts[0.9]["learned"].kept == pytest.approx(2 / 5)
    assert cuts[0.9]["learned"].state_error == pytest.approx(3.0)
    assert cuts[1.0]["learned"].state_error == pytest.approx(32 / 5)
    assert cuts[0.5]["behaviour"].kept == pytest.approx(5 / 10)
    suggestion = found.suggest("epistemic")
    assert suggestion is not None
    assert (suggestion.quantile, suggestion.threshold, suggestion.needless) == (0.9, pytest.approx(9.1), False)


def test_where_nothing_is_wrong_no_stop_is_needed(make: Make) -> None:
    behaviour = make([[1.0, 2.0]], [[1.0, 2.0]])
    suggestion = diagnosis(behaviour, learned=make([[1.0, 1.0]], [[9.0, 9.0]])).suggest("epistemic")
    assert suggestion is not None
    assert suggestion.needless
    assert suggestion.threshold is None


def test_an_uncertainty_that_knows_nothing_helps_nobody(make: Make) -> None:
    behaviour = make([[1.0, 1.0]], [[1.0, 1.0]])
    suggestion = diagnosis(behaviour, learned=make([[5.0, 5.0]], [[0.5, 0.5]])).suggest("epistemic")
    assert suggestion is not None
    assert suggestion.quantile is None
    assert not suggestion.needless


def test_without_policies_random_actions_are_the_measure_and_without_these_nothing(make: Make) -> None:
    behaviour = make([[1.0, 2.0]], [[1.0, 2.0]])
    assert diagnosis(behaviour, random=behaviour).policies == ("random",)
    assert diagnosis(behaviour, random=behaviour, mine=behaviour).policies == ("mine",)
    assert diagnosis(behaviour).suggest("epistemic") is None


def test_usable_steps_end_where_a_policy_errs_more_than_the_data_anywhere(make: Make) -> None:
    behaviour = make([[1.0, 3.0, 2.0]], np.ones((1, 3)))
    found = diagnosis(behaviour, good=behaviour, late=make([[1.0, 2.9, 3.1]], np.ones((1, 3))))
    assert [found.usable_steps(name) for name in ("good", "late")] == [3, 2]


def test_all_sources_together_and_json(make: Make) -> None:
    behaviour, policy = make([[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]]), make([[6.0, 5.0, 4.0]], [[4.0, 5.0, 6.0]])
    found = diagnosis(behaviour, learned=policy)
    ranks = found.rank_correlations()["epistemic"]
    assert [ranks[name]["state"].over_all for name in ("behaviour", "learned")] == pytest.approx([1.0, -1.0])
    # Ranks 1 to 6 in order but for the last three, which are reversed.
    assert ranks["all"]["state"].over_all == pytest.approx(1 - 6 * (4 + 0 + 4) / (6 * 35))
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["uncertainties"]["epistemic"]["cuts"][-1]["threshold"] is None
    assert written["sources"]["learned"]["usable_steps"] == 0


@pytest.mark.parametrize("quantiles", [(), (0.5, 0.5), (0.9, 0.5), (0.0, 0.5), (0.5, 1.0)])
def test_odd_quantiles_are_refused(make: Make, quantiles: tuple[float, ...]) -> None:
    behaviour = make([[1.0, 2.0]], [[1.0, 2.0]])
    with pytest.raises(ConfigurationError, match="rising numbers above 0 and below 1"):
        ModelDiagnosis({"behaviour": behaviour}, np.zeros(2), quantiles)
