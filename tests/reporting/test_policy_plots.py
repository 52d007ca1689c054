"""Points where the values are."""

import numpy as np
import pytest

from mbrl_mts3.metrics import PolicyValue
from mbrl_mts3.reporting import policy_value_figure


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
