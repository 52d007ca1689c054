"""Points where the values are."""

import numpy as np
import pytest

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics import PlannedValues, PolicyValue
from mbrl_mts3.reporting import planned_value_figure, policy_value_figure
from mbrl_mts3.reporting.captions import describe_planned_values


def value(name: str, estimate: float, true: float) -> PolicyValue:
    return PolicyValue(name, np.array([estimate - 1, estimate + 1]), np.array([true - 2, true + 2]))


def test_each_policy_is_a_point_with_both_intervals() -> None:
    values = [value("good", 9.0, 8.0), value("bad", 1.0, -3.0), PolicyValue("unknown", np.array([1.0, 2.0]))]
    figure = policy_value_figure(values, "Policies")
    (axes,) = figure.axes
    points = {line.get_label(): line.get_xydata().ravel().tolist() for line in axes.lines if line.get_marker() == "o"}
    assert points == {"1  bad": [-3.0, 1.0], "2  good": [8.0, 9.0]}
    diagonal = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert diagonal.get_xydata().tolist() == [[-3.0, -3.0], [9.0, 9.0]]
    vertical = [line for line in axes.lines if line.get_xdata()[0] == 8.0 and len(line.get_xdata()) == 2]
    assert list(vertical[0].get_ydata()) == pytest.approx(values[0].interval)
    assert axes.get_title(loc="left") == "Policies"


def test_each_decision_is_a_point_and_promises_that_are_kept_lie_on_the_diagonal() -> None:
    planned, realised = np.array([1.0, 4.0, 10.0]), np.array([0.0, 4.0, 5.0])
    figure = planned_value_figure(PlannedValues(15, 5, 90, planned, realised))
    (axes,) = figure.axes
    (points,) = axes.collections
    np.testing.assert_array_equal(np.asarray(points.get_offsets()), np.stack([realised, planned], axis=1))
    mean, diagonal = axes.lines
    assert mean.get_xydata().tolist() == [[3.0, 5.0]]
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlim()[0] < 0
    assert axes.get_xlim()[1] > 10
    assert all("15 steps (units of reward)" in label for label in (axes.get_xlabel(), axes.get_ylabel()))
    with pytest.raises(ConfigurationError, match="horizon of 15 steps"):
        planned_value_figure(PlannedValues(15, 5, 3, np.array([]), np.array([])))


def test_the_caption_explains_the_diagonal_with_the_numbers() -> None:
    told = describe_planned_values(PlannedValues(15, 5, 90, np.array([1.0, 4.0, 10.0]), np.array([0.0, 4.0, 5.0])))
    assert "On the dashed diagonal a plan keeps its promise" in told
    assert "67% of 3 plans promised too much; on average 5 was promised and 3 came" in told
    assert "Every 5th decision" in told
